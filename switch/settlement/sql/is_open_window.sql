-- is_open_window: whether a window of a currency is open.
--   $1 window  $2 currency
SELECT true FROM ledger.settlement_window
WHERE number = $1 AND currency = $2 AND closing_seq IS NULL
