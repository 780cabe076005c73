-- closed_windows: closed windows of currencies, newest first.
--   $1 currencies  $2 limit  $3 before this window, or null
SELECT number, currency::text, closed_at FROM ledger.settlement_window
WHERE currency = ANY($1) AND closed_at IS NOT NULL AND ($3::bigint IS NULL OR number < $3)
ORDER BY number DESC LIMIT $2
