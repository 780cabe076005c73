-- part_returns_of_payment: what was returned of a payment by parts, or at the rate in force, oldest first.
--   $1 number of the payment
SELECT x.credit_minor, x.debit_minor, x.share_minor, x.rate, x.reason, e.at
FROM switch.part_return AS x LEFT JOIN ledger.event AS e ON e.seq = x.number
WHERE x.payment = $1 ORDER BY x.number
