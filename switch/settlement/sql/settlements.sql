-- settlements: windows with their settlements, newest first.
--   $1 window, or null for all  $2 currency, or null for all  $3 limit  $4 before this window, or null
--   $5 state, or null for all  $6 and $7 opened from and before, or null
SELECT w.number AS window, w.currency::text AS currency, w.opened_at, w.closed_at,
       CASE WHEN w.closing_seq IS NULL THEN 'OPEN' ELSE coalesce(s.state, 'CLOSED') END AS state,
       s.positions_sha256, s.value_date, s.changed_at, s.message_id, s.file, s.file_sha256
FROM ledger.settlement_window AS w
LEFT JOIN switch.settlement AS s ON s.settlement_window = w.number
WHERE ($1::bigint IS NULL OR w.number = $1) AND ($2::text IS NULL OR w.currency = $2)
  AND ($4::bigint IS NULL OR w.number < $4)
  AND ($5::text IS NULL OR $5 = CASE WHEN w.closing_seq IS NULL THEN 'OPEN' ELSE coalesce(s.state, 'CLOSED') END)
  AND ($6::timestamptz IS NULL OR w.opened_at >= $6) AND ($7::timestamptz IS NULL OR w.opened_at < $7)
ORDER BY w.number DESC LIMIT $3
