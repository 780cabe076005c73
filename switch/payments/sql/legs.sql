-- legs: the postings of a payment and of its corrections, with the owners of both accounts.
--   $1 UETR
SELECT s.number, s.kind, g.purpose, g.amount, d.currency::text AS currency, d.owner AS debit_owner,
       d.purpose AS debit_purpose, c.owner AS credit_owner, c.purpose AS credit_purpose,
       CASE WHEN s.kind = 'two_phase' THEN coalesce(r.outcome, 'held')
            WHEN s.kind = 'failed' THEN coalesce(s.refusal, 'failed') ELSE 'posted' END AS state
FROM ledger.transfer AS t
JOIN ledger.transfer AS s ON s.number = t.number OR s.corrects = t.number
JOIN ledger.leg AS g ON g.number = s.number
JOIN ledger.account AS d ON d.number = g.debit
JOIN ledger.account AS c ON c.number = g.credit
LEFT JOIN ledger.resolution AS r ON r.number = s.number
WHERE t.id = $1 ORDER BY s.number, g.position
