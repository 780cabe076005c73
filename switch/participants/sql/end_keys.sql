-- end_keys: end the keys of a participant that are valid now or later.
--   $1 participant
UPDATE switch.participant_key SET valid_until = greatest(valid_from, clock_timestamp())
WHERE participant = $1 AND (valid_until IS NULL OR valid_until > clock_timestamp())
