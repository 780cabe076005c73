-- keys_in_force: the keys of a participant that may sign now.
--   $1 participant
SELECT keyid, public_key FROM switch.participant_key
WHERE participant = $1 AND revoked_at IS NULL AND valid_from <= clock_timestamp()
  AND coalesce(valid_until > clock_timestamp(), true)
