-- read_windows: settlement windows, newest first.
--   $1 number of one window, or null for all  $2 below this number, or null  $3 at most so many, or null for all
SELECT number, currency::text AS currency, opened_at, closing_seq, closed_at
  FROM ledger.settlement_window
 WHERE ($1::bigint IS NULL OR number = $1) AND ($2::bigint IS NULL OR number < $2)
 ORDER BY number DESC
 LIMIT $3::bigint;
