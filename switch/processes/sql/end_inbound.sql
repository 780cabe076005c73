-- end_inbound: the outcome of an order or a return, with the answer that is to be sent.
--   $1 rail  $2 kind  $3 ref  $4 state before  $5 state  $6 reason  $7 when it was decided  $8 answer
UPDATE switch.inbound_order
   SET state = $5, reason = $6, decided_at = $7, answer = $8, due_at = clock_timestamp()
 WHERE rail = $1 AND kind = $2 AND ref = $3 AND state = $4 AND answer IS NULL
RETURNING true
