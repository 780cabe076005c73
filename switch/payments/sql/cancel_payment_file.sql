-- cancel_payment_file: its sender cancels what was not sent; once.
--   $1 id  $2 sender
UPDATE switch.payment_file SET cancelled_at = clock_timestamp()
WHERE id = $1 AND sender = $2 AND cancelled_at IS NULL AND state IN ('received', 'sending')
