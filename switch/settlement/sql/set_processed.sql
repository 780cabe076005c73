-- set_processed: mark a confirmation as processed, with its result; no row if it was already.
--   $1 SHA-256 of the confirmation  $2 its agent  $3 its signature  $4 result as JSON
UPDATE switch.settlement_confirmation SET taken_at = clock_timestamp(), result = $4
WHERE sha256 = $1 AND agent = $2 AND signature = $3 AND taken_at IS NULL RETURNING true
