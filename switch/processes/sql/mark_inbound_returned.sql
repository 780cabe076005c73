-- mark_inbound_returned: orders whose payment was returned, so that the gateway has money which is the payer's.
--   $1 number after which returns are looked for  $2 how many returns
-- Returns the number of the last return. A part that comes back after people have settled the order is owed anew.
WITH returned AS (
    SELECT * FROM (
        SELECT number, corrects AS payment, false AS part FROM ledger.transfer WHERE kind = 'correction' AND number > $1
        UNION ALL
        SELECT number, payment, true FROM switch.part_return WHERE number > $1
    ) AS t ORDER BY number LIMIT $2
), newest AS (
    SELECT payment, bool_and(part) AS part, max(number) AS number FROM returned GROUP BY payment
), marked AS (
    UPDATE switch.inbound_order AS o
       SET part_seen = c.number, settled = NULL,
           disputed = CASE WHEN o.disputed <> '' AND o.settled IS NULL THEN o.disputed
                           WHEN c.part THEN 'a part of its payment was returned'
                           ELSE 'its payment was returned' END
      FROM newest AS c JOIN ledger.transfer AS t ON t.number = c.payment
     WHERE o.uetr = t.id AND o.kind = 'order' AND o.fingerprint = t.fingerprint AND o.state IN ('taken', 'done')
       AND ((o.disputed = '' AND o.settled IS NULL) OR (c.part AND o.part_seen < c.number))
)
SELECT max(number) FROM returned
