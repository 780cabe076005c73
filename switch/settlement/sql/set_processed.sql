-- set_processed: mark a confirmation as processed; no row if it was already.
--   $1 SHA-256 of the confirmation
UPDATE switch.settlement_confirmation SET taken_at = clock_timestamp()
WHERE sha256 = $1 AND taken_at IS NULL RETURNING true
