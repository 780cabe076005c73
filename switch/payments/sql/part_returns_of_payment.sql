-- part_returns_of_payment: what was returned of a payment by parts, or at the rate in force, oldest first.
--   $1 number of the payment
SELECT x.credit_minor, x.debit_minor, x.share_minor, x.rate, x.reason, e.at, r.refund, r.refund_ref, r.refund_uetr,
       r.refund_minor, r.refund_back_minor, r.refund_made, r.refund_detail, r.refund_changed_at, r.carried_minor
FROM switch.part_return AS x LEFT JOIN ledger.event AS e ON e.seq = x.number
LEFT JOIN switch.part_refund AS r ON r.part = x.number
WHERE x.payment = $1 ORDER BY x.number
