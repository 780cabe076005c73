-- terms: whether the legs of payments match their terms, and their charges add up to their fees.
--   $1 after this payment  $2 up to this payment
SELECT p.number, coalesce(paid.minor, 0) = p.debit_minor + p.fee_minor
                 AND coalesce(got.minor, 0) = p.credit_minor
                 AND p.fee_minor = coalesce(
                     (SELECT sum(c.minor) FROM switch.payment_charge AS c WHERE c.number = p.number), p.fee_minor
                 ) AS fine
FROM switch.payment AS p
JOIN ledger.transfer AS t ON t.number = p.number AND t.kind = 'two_phase'
LEFT JOIN LATERAL (
    SELECT sum(l.amount) AS minor FROM ledger.leg AS l JOIN ledger.account AS a ON a.number = l.debit
    WHERE l.number = p.number AND a.owner = p.debtor_agent AND a.currency = p.debit_currency
) AS paid ON true
LEFT JOIN LATERAL (
    SELECT sum(l.amount) AS minor FROM ledger.leg AS l JOIN ledger.account AS a ON a.number = l.credit
    WHERE l.number = p.number AND a.owner = p.creditor_agent AND a.currency = p.credit_currency
) AS got ON true
WHERE p.number > $1 AND p.number <= $2
