-- make_order_refund: our order to the rail is made, and may be sent; nothing is if people have settled it meanwhile.
--   $1 rail  $2 ref  $3 its UETR  $4 its id at the rail  $5 the native order  $6 amount  $7 when it expires
--   $8 how many were made, with this one
UPDATE switch.inbound_order
   SET refund = 'made', refund_uetr = $3, refund_ref = $4, refund_body = $5, refund_minor = $6, refund_expires_at = $7,
       refund_due_at = clock_timestamp(), refund_made = $8, refund_changed_at = clock_timestamp()
 WHERE rail = $1 AND kind = 'order' AND ref = $2 AND refund = '' AND refund_tries = 0 AND settled IS NULL
   AND disputed = 'its payment was returned' AND refund_made = $8 - 1
RETURNING true
