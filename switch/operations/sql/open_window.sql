-- open_window: when the open window of a currency was opened, and the time now.
--   $1 currency
SELECT opened_at, clock_timestamp() AS now FROM ledger.settlement_window
WHERE currency = $1 AND closing_seq IS NULL
