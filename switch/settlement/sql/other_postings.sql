-- other_postings: postings of a window that are not plain payments, by account.
--   $1 window  $2 the scheme's id as an owner of accounts
-- They are few transfers, however large the day is.
WITH w AS (
    SELECT number, currency, coalesce(closing_seq, 9223372036854775807) AS closing_seq
    FROM ledger.settlement_window WHERE number = $1
), scheme AS (
    SELECT a.number FROM ledger.account AS a JOIN w USING (currency)
    WHERE a.owner = $2 AND a.purpose = 'settlement'
), moved AS (
    SELECT t.number, t.kind = 'correction' AS back FROM ledger.transfer AS t, w
    WHERE t.number > w.number AND t.number < w.closing_seq AND t.kind IN ('single_phase', 'correction')
    UNION ALL
    SELECT l.transfer, false FROM switch.settlement_line AS l
    JOIN ledger.resolution AS r ON r.number = l.transfer, w
    WHERE r.outcome = 'posted' AND r.seq > w.number AND r.seq < w.closing_seq
)
SELECT a.owner, a.purpose,
       CASE WHEN scheme.number IS NULL THEN 'returned'
            WHEN leg.purpose = 'settlement' THEN 'settled' ELSE 'funded' END AS what,
       sum(CASE WHEN leg.debit = a.number THEN leg.amount ELSE 0 END)::bigint AS debits,
       sum(CASE WHEN leg.credit = a.number THEN leg.amount ELSE 0 END)::bigint AS credits
FROM moved
JOIN ledger.leg USING (number)
LEFT JOIN scheme ON scheme.number IN (leg.debit, leg.credit)
JOIN ledger.account AS a ON a.number IN (leg.debit, leg.credit)
JOIN w ON w.currency = a.currency
WHERE scheme.number IS NOT NULL OR moved.back
GROUP BY 1, 2, 3
