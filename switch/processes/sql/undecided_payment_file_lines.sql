-- undecided_payment_file_lines: lines that were given to the intake, and of which the ledger has nothing.
--   $1 file  $2 how many
SELECT l.number, l.uetr, l.sealed_key, l.message FROM switch.payment_file_line AS l
WHERE l.file = $1 AND l.state = 'taken'
  AND NOT EXISTS (SELECT FROM ledger.transfer AS t WHERE t.id = l.uetr AND t.fingerprint = l.fingerprint)
  AND NOT EXISTS (SELECT FROM switch.screening_hold AS h WHERE h.uetr = l.uetr AND h.fingerprint = l.fingerprint AND h.ended_at IS NULL)
ORDER BY l.number LIMIT $2
