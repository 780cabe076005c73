-- payment: a payment, what was taken from its amount, the progress of an open one, whether it was returned, and the
-- order of a rail of which it was made.
--   $1 UETR
SELECT p.*, o.enquiries, o.due_at,
       (SELECT coalesce(sum(f.minor), 0)::bigint FROM switch.payment_charge AS f
         WHERE f.number = p.number AND f.deducted) AS deducted_minor,
       EXISTS (SELECT FROM ledger.transfer AS c WHERE c.corrects = t.number)
       OR coalesce(p.credit_minor = (SELECT sum(x.credit_minor) FROM switch.part_return AS x WHERE x.payment = p.number),
                   false) AS returned,
       EXISTS (SELECT FROM switch.part_return AS x WHERE x.payment = p.number) AS has_parts,
       EXISTS (SELECT FROM switch.recall AS q WHERE q.payment = p.number) AS has_recalls,
       EXISTS (SELECT FROM switch.investigation AS q WHERE q.uetr = t.id) AS has_questions,
       i.rail::text AS order_rail, i.ref AS order_ref, i.state AS order_state, i.told_at AS order_told_at,
       i.refund AS refund, i.refund_ref, i.refund_uetr, i.refund_minor, i.refund_back_minor, i.refund_made, i.refund_detail,
       i.refund_changed_at, CASE WHEN i.settled IS NULL THEN i.disputed ELSE '' END AS owed
FROM ledger.transfer AS t
JOIN switch.payment AS p ON p.number = t.number
LEFT JOIN switch.open_payment AS o ON o.number = p.number
LEFT JOIN switch.inbound_order AS i ON i.uetr = t.id AND i.kind = 'order' AND i.fingerprint = t.fingerprint
WHERE t.id = $1
