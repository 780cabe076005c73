-- end_payment_request: it was paid, or its time is over; that it was paid is true whatever its debtor agent says meanwhile.
--   $1 id  $2 state  $3 UETR of the payment, or none  $4 reason
UPDATE switch.payment_request SET state = $2, payment = $3, reason = $4, ended_at = clock_timestamp()
WHERE id = $1 AND (state IN ('open', 'accepted') OR ($2 = 'paid' AND state = 'refused'))
