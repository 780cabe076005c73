-- add_payment_request: know a request to pay from now on, once.
--   $1 id  $2 asker  $3 debtor agent  $4 message id  $5 definition  $6 reference  $7 UETR, or none  $8 currency  $9 minor units
--   $10 expiry
INSERT INTO switch.payment_request
       (id, asker, debtor_agent, message_id, definition, reference, uetr, currency, minor, expires_at, after)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, next_seq - 1 FROM ledger.head
ON CONFLICT (id) DO NOTHING
