-- load_windows: the open window of each currency.
SELECT currency::text, number
  FROM ledger.settlement_window
 WHERE closing_seq IS NULL;
