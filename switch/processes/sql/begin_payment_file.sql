-- begin_payment_file: its lines are known, and are sent from now on.
--   $1 id  $2 message id  $3 lines  $4 total
UPDATE switch.payment_file SET state = 'sending', message_id = $2, lines = $3, total = $4 WHERE id = $1 AND state = 'received'
