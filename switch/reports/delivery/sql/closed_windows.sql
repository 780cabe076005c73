-- closed_windows: windows of a currency that were closed after an instant, oldest first.
--   $1 currency  $2 after this instant
SELECT number, closed_at FROM ledger.settlement_window
 WHERE currency = $1 AND closed_at > $2
 ORDER BY number
