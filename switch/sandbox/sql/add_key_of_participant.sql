-- add_key_of_participant: insert a signing key of a participant.
--   $1 key id  $2 participant  $3 algorithm  $4 public key
INSERT INTO switch.participant_key (keyid, participant, algorithm, public_key)
VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
