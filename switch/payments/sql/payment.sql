-- payment: a payment, what was taken from its amount, the progress of an open one, and whether it was returned.
--   $1 UETR
SELECT p.*, o.enquiries, o.due_at,
       (SELECT coalesce(sum(f.minor), 0)::bigint FROM switch.payment_charge AS f
         WHERE f.number = p.number AND f.deducted) AS deducted_minor,
       EXISTS (SELECT FROM ledger.transfer AS c WHERE c.corrects = t.number) AS returned
FROM ledger.transfer AS t
JOIN switch.payment AS p ON p.number = t.number
LEFT JOIN switch.open_payment AS o ON o.number = p.number
WHERE t.id = $1
