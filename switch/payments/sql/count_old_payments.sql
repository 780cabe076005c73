-- count_old_payments: how many final payments up to a number are not erased yet.
--   $1 last number
SELECT count(*) FROM switch.message_key AS k
WHERE k.number <= $1 AND k.sealed IS NOT NULL
  AND NOT EXISTS (SELECT FROM switch.open_payment AS o WHERE o.number = k.number)
