-- settle_part_refunds: orders of some rails for which nothing is owed any more, as each part is refunded that people have not
-- settled; or again something, as a part came back, or the rail gave a refund back.
--   $1 rails
WITH now AS (
    SELECT o.rail, o.ref, NOT EXISTS (
               SELECT FROM switch.part_return AS x
                WHERE x.payment = t.number AND x.number > o.part_settled
                  AND NOT EXISTS (SELECT FROM switch.part_refund AS r
                                   WHERE r.rail = o.rail AND r.ref = o.ref AND r.part = x.number AND r.refund = 'done')
           ) AS refunded
      FROM switch.inbound_order AS o
      JOIN ledger.transfer AS t ON t.id = o.uetr AND t.fingerprint = o.fingerprint
     WHERE o.rail = ANY($1::bpchar[]) AND o.kind = 'order' AND o.disputed = 'a part of its payment was returned'
       AND (o.settled IS NULL OR o.settled = 0)
)
UPDATE switch.inbound_order AS o SET settled = CASE WHEN now.refunded THEN 0 END
  FROM now
 WHERE o.rail = now.rail AND o.kind = 'order' AND o.ref = now.ref AND (o.settled IS NULL OR o.settled = 0)
   AND now.refunded = (o.settled IS NULL)
