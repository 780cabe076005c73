-- reject_payment_file_line: a line whose UETR another payment has; never one whose own payment the ledger has.
--   $1 file  $2 number  $3 reason  $4 text
UPDATE switch.payment_file_line AS l SET state = 'rejected', reason = $3, detail = $4, sealed_key = NULL, message = NULL
WHERE l.file = $1 AND l.number = $2 AND l.state = 'taken'
  AND NOT EXISTS (SELECT FROM ledger.transfer AS t WHERE t.id = l.uetr AND t.fingerprint = l.fingerprint)
  AND NOT EXISTS (SELECT FROM switch.screening_hold AS h WHERE h.uetr = l.uetr AND h.fingerprint = l.fingerprint)
