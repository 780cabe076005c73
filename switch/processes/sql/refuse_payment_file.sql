-- refuse_payment_file: nothing of it is sent.
--   $1 id  $2 message id, or none  $3 lines, or none  $4 total, or none  $5 reason  $6 text
UPDATE switch.payment_file
SET state = 'refused', message_id = $2, lines = $3, total = $4, reason = $5, detail = $6, ended_at = clock_timestamp(), base = ''
WHERE id = $1 AND state = 'received'
