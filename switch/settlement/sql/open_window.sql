-- open_window: the open window of a currency, and the time now.
--   $1 currency
SELECT number, opened_at, clock_timestamp() AS now FROM ledger.settlement_window
WHERE currency = $1 AND closing_seq IS NULL
