-- cancel_payment_file: what was not sent of a file is cancelled; its number, none if it was before or the file has ended.
--   $1 id  $2 sender  $3 why, unless the sender did it
UPDATE switch.payment_file SET cancelled_at = clock_timestamp(), detail = $3
WHERE id = $1 AND sender = $2 AND cancelled_at IS NULL AND state IN ('received', 'sending') RETURNING number
