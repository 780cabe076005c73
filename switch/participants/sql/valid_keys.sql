-- valid_keys: the keys of a participant that are valid now or later.
--   $1 participant
SELECT keyid FROM switch.participant_key
WHERE participant = $1 AND (valid_until IS NULL OR valid_until > clock_timestamp()) ORDER BY keyid
