-- payment_file_lines: lines of a file in their order, after one; `sent`: the ledger or screening has its payment.
--   $1 file  $2 number after which they are  $3 how many  $4 states, or none for all  $5 whether they are sent, or none
SELECT number, uetr, state, reason, detail, taken_at, sent FROM (
    SELECT l.*, l.state = 'taken' AND (EXISTS (SELECT FROM ledger.transfer AS t WHERE t.id = l.uetr AND t.fingerprint = l.fingerprint)
        OR EXISTS (SELECT FROM switch.screening_hold AS h WHERE h.uetr = l.uetr AND h.fingerprint = l.fingerprint)) AS sent
    FROM switch.payment_file_line AS l
    WHERE l.file = $1 AND l.number > $2 AND ($4::text[] IS NULL OR l.state = ANY($4))
) AS found
WHERE $5::boolean IS NULL OR sent = $5 ORDER BY number LIMIT $3
