-- messages_of_payment: the messages about a payment, without their content.
--   $1 UETR
SELECT at, definition, sender, receiver FROM switch.correspondence WHERE uetr = $1 ORDER BY seq
