-- payment_file_lines: lines of a file in their order, after one; `sent`: the ledger or screening has its payment.
--   $1 file  $2 number after which they are  $3 how many
SELECT l.number, l.uetr, l.state, l.reason, l.detail, l.taken_at,
       l.state = 'taken' AND (EXISTS (SELECT FROM ledger.transfer AS t WHERE t.id = l.uetr AND t.fingerprint = l.fingerprint)
           OR EXISTS (SELECT FROM switch.screening_hold AS h WHERE h.uetr = l.uetr AND h.fingerprint = l.fingerprint)) AS sent
FROM switch.payment_file_line AS l WHERE l.file = $1 AND l.number > $2 ORDER BY l.number LIMIT $3
