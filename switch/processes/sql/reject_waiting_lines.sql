-- reject_waiting_lines: what was not sent of a file is not sent any more.
--   $1 file  $2 state: cancelled or rejected  $3 reason  $4 text
UPDATE switch.payment_file_line SET state = $2, reason = $3, detail = $4 WHERE file = $1 AND state = 'waiting'
