-- add_key: insert a signing key of a participant.
--   $1 key id  $2 participant  $3 algorithm  $4 public key  $5 start, or none for now  $6 end, or none
INSERT INTO switch.participant_key (keyid, participant, algorithm, public_key, valid_from, valid_until)
VALUES ($1, $2, $3, $4, coalesce($5, clock_timestamp()), $6)
