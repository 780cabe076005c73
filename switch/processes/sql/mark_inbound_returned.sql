-- mark_inbound_returned: orders whose payment was returned, so that the gateway has money which is the payer's.
--   $1 number after which returns are looked for  $2 how many returns
-- Returns the number of the last return.
WITH returned AS (
    SELECT number, corrects FROM ledger.transfer WHERE kind = 'correction' AND number > $1 ORDER BY number LIMIT $2
), marked AS (
    UPDATE switch.inbound_order AS o SET disputed = 'its payment was returned'
      FROM returned AS c JOIN ledger.transfer AS t ON t.number = c.corrects
     WHERE o.uetr = t.id AND o.kind = 'order' AND o.fingerprint = t.fingerprint AND o.state IN ('taken', 'done')
       AND o.disputed = '' AND o.settled IS NULL
)
SELECT max(number) FROM returned
