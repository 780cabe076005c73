-- legs: the postings of a payment, of its corrections and of its returns in part, with the owners of both accounts.
--   $1 UETR
WITH payment AS (
    SELECT number FROM ledger.transfer WHERE id = $1
), posted AS (
    SELECT number FROM payment
    UNION
    SELECT s.number FROM payment AS t JOIN ledger.transfer AS s ON s.corrects = t.number
    UNION
    SELECT x.number FROM payment AS t JOIN switch.part_return AS x ON x.payment = t.number
)
SELECT s.number, s.kind, g.purpose, g.amount, d.currency::text AS currency, d.owner AS debit_owner,
       d.purpose AS debit_purpose, c.owner AS credit_owner, c.purpose AS credit_purpose,
       CASE WHEN s.kind = 'two_phase' THEN coalesce(r.outcome, 'held')
            WHEN s.kind = 'failed' THEN coalesce(s.refusal, 'failed') ELSE 'posted' END AS state
FROM posted
JOIN ledger.transfer AS s USING (number)
JOIN ledger.leg AS g USING (number)
JOIN ledger.account AS d ON d.number = g.debit
JOIN ledger.account AS c ON c.number = g.credit
LEFT JOIN ledger.resolution AS r ON r.number = s.number
ORDER BY s.number, g.position
