-- recalls_of_payment: the recalls of a payment, oldest first.
--   $1 number of the payment
SELECT r.request ->> 'id' AS message_id, r.reason, r.state, r.code, r.over_rail, r.asked_at, r.until_at, r.ended_at
FROM switch.recall AS r WHERE r.payment = $1 ORDER BY r.asked_at
