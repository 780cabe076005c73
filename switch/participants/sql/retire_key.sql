-- retire_key: end a key now or at a later instant.
--   $1 key id  $2 instant, or none for now
UPDATE switch.participant_key
SET valid_until = greatest(valid_from, coalesce($2, clock_timestamp()), clock_timestamp())
WHERE keyid = $1
