-- payments_of_reference: numbers of payments by a message id, a reference of the rail, an end-to-end id or the id that
-- the rail where they began has given them, newest first.
--   $1 what was typed  $2 its keyed hash, which an end-to-end id has  $3 numbers below  $4 numbers above  $5 maximum rows
SELECT number FROM (
    SELECT r.number
    FROM switch.payment_reference AS r
    WHERE r.number >> 22 = ANY (ARRAY(SELECT generate_series($4::bigint >> 22, $3::bigint >> 22)))
      AND r.key IN (hashtextextended($1, 0), $2)
    UNION
    SELECT t.number
    FROM switch.rail_inbound AS s
    JOIN switch.inbound_order AS o ON o.rail = s.rail AND o.kind = 'order' AND o.ref = $1
    JOIN ledger.transfer AS t ON t.id = o.uetr AND t.fingerprint = o.fingerprint
) AS found
WHERE number < $3 AND number > $4
ORDER BY number DESC LIMIT $5
