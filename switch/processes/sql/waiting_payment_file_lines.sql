-- waiting_payment_file_lines: which lines of a file from one number to another are to be sent.
--   $1 file  $2 first number  $3 last number
SELECT number, uetr FROM switch.payment_file_line WHERE file = $1 AND number BETWEEN $2 AND $3 AND state = 'waiting'
