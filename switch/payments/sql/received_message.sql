-- received_message: one message for a participant, with the UETR by which it knows the payment.
--   $1 receiver  $2 sequence number
SELECT c.*, coalesce(o.stated, c.uetr) AS known_uetr
FROM switch.correspondence AS c
LEFT JOIN switch.own_uetr AS o ON o.uetr = c.uetr AND o.sender = c.receiver
WHERE c.receiver = $1 AND c.seq = $2
