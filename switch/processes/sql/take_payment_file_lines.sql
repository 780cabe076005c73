-- take_payment_file_lines: these lines are given to the intake as these messages; not if the file was cancelled meanwhile.
--   $1 file  $2 numbers  $3 fingerprints  $4 sealed keys  $5 sealed messages
UPDATE switch.payment_file_line AS l
SET state = 'taken', fingerprint = t.fingerprint, sealed_key = t.sealed_key, message = t.message, taken_at = clock_timestamp()
FROM unnest($2::int[], $3::bytea[], $4::bytea[], $5::bytea[]) AS t (number, fingerprint, sealed_key, message)
WHERE l.file = $1 AND l.number = t.number AND l.state = 'waiting'
  AND EXISTS (SELECT FROM switch.payment_file AS f WHERE f.id = $1 AND f.cancelled_at IS NULL)
RETURNING l.number
