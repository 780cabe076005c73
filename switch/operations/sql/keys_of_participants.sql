-- keys_of_participants: every signing key, and when it is valid.
SELECT keyid, participant, public_key, valid_from, valid_until FROM switch.participant_key
