-- key_status: whether a key is revoked or expired, and until when it is valid.
--   $1 key id
SELECT revoked_at, valid_until, coalesce(valid_until <= clock_timestamp(), false) AS over
FROM switch.participant_key WHERE keyid = $1
