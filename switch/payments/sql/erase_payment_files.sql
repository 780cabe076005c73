-- erase_payment_files: the keys of the files of whose lines these payments were made.
--   $1 numbers of payments
UPDATE switch.payment_file SET sealed_key = NULL
WHERE state = 'ended' AND id IN (SELECT l.file FROM switch.payment_file_line AS l
                                 JOIN ledger.transfer AS t ON t.id = l.uetr AND t.fingerprint = l.fingerprint
                                 WHERE t.number = ANY($1))
