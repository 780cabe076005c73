-- end_payment_file: every line has ended.
--   $1 id
UPDATE switch.payment_file SET state = 'ended', ended_at = clock_timestamp(), base = '' WHERE id = $1 AND state = 'sending'
