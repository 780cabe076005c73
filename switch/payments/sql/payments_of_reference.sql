-- payments_of_reference: numbers of payments by a message id, a reference of the rail or an end-to-end id, newest first.
--   $1 what was typed  $2 its keyed hash, which an end-to-end id has  $3 numbers below  $4 numbers above  $5 maximum rows
SELECT DISTINCT r.number
FROM switch.payment_reference AS r
WHERE r.number >> 22 = ANY (ARRAY(SELECT generate_series($4::bigint >> 22, $3::bigint >> 22)))
  AND r.key IN (hashtextextended($1, 0), $2)
  AND r.number < $3 AND r.number > $4
ORDER BY r.number DESC LIMIT $5
