-- read_windows: settlement windows, newest first.
--   $1 number of one window, or null for all
SELECT number, currency::text AS currency, opened_at, closing_seq, closed_at
  FROM ledger.settlement_window
 WHERE $1::bigint IS NULL OR number = $1
 ORDER BY number DESC;
