-- other_postings: postings of windows that may not be plain payments, by account, purpose of the leg and correction.
--   $1 windows
-- They are few transfers, however large the day is. The line of a settlement changes after its posting, so lines that
-- last changed before a window opened have no posting in it. The day is for clocks that were set back.
WITH w AS (
    SELECT number, currency, opened_at, coalesce(closing_seq, 9223372036854775807) AS closing_seq
    FROM ledger.settlement_window WHERE number = ANY ($1::bigint[])
), since AS (
    SELECT min(number) AS number, max(closing_seq) AS closing_seq, min(opened_at) - interval '1 day' AS opened_at FROM w
), moved AS (
    SELECT t.number AS transfer, t.number AS seq, t.kind = 'correction' AS corrects
    FROM ledger.transfer AS t, since
    WHERE t.number > since.number AND t.number < since.closing_seq AND t.kind IN ('single_phase', 'correction')
    UNION ALL
    SELECT l.transfer, r.seq, false FROM switch.settlement_line AS l
    JOIN ledger.resolution AS r ON r.number = l.transfer
    WHERE r.outcome = 'posted'
      AND (l.changed_at >= (SELECT opened_at FROM since) OR l.state = 'INSTRUCTED')
)
SELECT w.number, a.owner, a.purpose, leg.purpose AS leg_purpose, moved.corrects,
       sum(CASE WHEN leg.debit = a.number THEN leg.amount ELSE 0 END)::bigint AS debits,
       sum(CASE WHEN leg.credit = a.number THEN leg.amount ELSE 0 END)::bigint AS credits
FROM moved
JOIN ledger.leg ON leg.number = moved.transfer
JOIN ledger.account AS a ON a.number IN (leg.debit, leg.credit)
JOIN w ON w.currency = a.currency AND moved.seq > w.number AND moved.seq < w.closing_seq
GROUP BY 1, 2, 3, 4, 5
