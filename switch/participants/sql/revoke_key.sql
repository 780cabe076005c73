-- revoke_key: revoke a key now.
--   $1 key id
UPDATE switch.participant_key
SET revoked_at = clock_timestamp(), valid_until = greatest(valid_from, clock_timestamp())
WHERE keyid = $1
