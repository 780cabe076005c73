-- old_payments: final payments between two numbers that are not erased yet, in order.
--   $1 numbers above  $2 last number  $3 maximum rows
SELECT k.number, p.uetr FROM switch.message_key AS k JOIN switch.payment AS p USING (number)
WHERE k.number > $1 AND k.number <= $2 AND k.sealed IS NOT NULL
  AND NOT EXISTS (SELECT FROM switch.open_payment AS o WHERE o.number = k.number)
ORDER BY k.number
LIMIT $3
