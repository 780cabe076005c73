-- erase_messages: delete the keys of the messages about payments.
--   $1 payments
UPDATE switch.correspondence SET sealed_key = NULL
WHERE uetr IN (SELECT uetr FROM switch.payment WHERE number = ANY($1))
