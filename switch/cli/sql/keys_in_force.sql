-- keys_in_force: the public keys of a participant that are valid now.
--   $1 participant
SELECT keyid, public_key FROM switch.participant_key
WHERE participant = $1
  AND valid_from <= clock_timestamp() AND (valid_until IS NULL OR valid_until > clock_timestamp())
