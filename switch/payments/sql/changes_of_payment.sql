-- changes_of_payment: the requested changes that resolve a payment.
--   $1 UETR as text
SELECT number, kind, state, requested_at FROM switch.change
WHERE kind = 'payment.resolve' AND content::jsonb ->> 'uetr' = $1 ORDER BY number
