-- settle_part_refunds: orders of some rails for which nothing is owed any more, as each part is refunded that people have not
-- settled, by an order of its own or with a later part; or again something, as a part came back, or the rail gave a refund
-- back. Less than the rail's step is nothing that anybody can pay.
--   $1 rails  $2 the step of each, in minor units
WITH now AS (
    SELECT o.rail, o.ref, o.part_seen, NOT EXISTS (
               SELECT FROM switch.part_return AS x
                WHERE x.payment = t.number AND x.number > o.part_settled
                  AND NOT EXISTS (SELECT FROM switch.part_refund AS r
                                   WHERE r.rail = o.rail AND r.ref = o.ref AND r.part = x.number
                                     AND r.refund IN ('done', 'carried'))
           ) AND coalesce((SELECT l.carried_minor FROM switch.part_refund AS l
                            WHERE l.rail = o.rail AND l.ref = o.ref AND l.part > o.part_settled
                            ORDER BY l.part DESC LIMIT 1), 0) < a.step AS refunded
      FROM unnest($1::text[], $2::bigint[]) AS a (rail, step)
      JOIN switch.inbound_order AS o ON o.rail = a.rail
      JOIN ledger.transfer AS t ON t.id = o.uetr AND t.fingerprint = o.fingerprint
     WHERE o.kind = 'order' AND o.disputed = 'a part of its payment was returned' AND (o.settled IS NULL OR o.settled = 0)
)
UPDATE switch.inbound_order AS o SET settled = CASE WHEN now.refunded THEN 0 END
  FROM now
 WHERE o.rail = now.rail AND o.kind = 'order' AND o.ref = now.ref AND (o.settled IS NULL OR o.settled = 0)
   AND o.part_seen = now.part_seen -- no part has come meanwhile
   AND now.refunded = (o.settled IS NULL)
