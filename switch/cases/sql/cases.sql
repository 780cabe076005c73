-- cases: cases that match.
--   $1 number  $2 state (open, overdue, closed, or empty)  $3 kind  $4 owner; `-` is nobody  $5 rail  $6 payment
--   $7 subjects  $8 numbers before this one  $9 whether newest first; otherwise the most urgent first
--   $10 how many to leave out  $11 limit  $12 and $13 opened from this instant on and before that one, or null
--   $14 scope of a screening officer: only cases about which it decides; or null: all
SELECT c.*, c.closed_at IS NULL AND c.due_at <= clock_timestamp() AS late
FROM switch.case_file AS c
WHERE ($1::bigint IS NULL OR c.number = $1)
  AND ($2 = '' OR ($2 = 'closed') = (c.closed_at IS NOT NULL))
  AND ($2 <> 'overdue' OR c.due_at <= clock_timestamp())
  AND ($3 = '' OR c.kind = $3)
  AND ($4 = '' OR c.owner = $4 OR ($4 = '-' AND c.owner IS NULL))
  AND ($5 = '' OR c.rail = $5)
  AND ($6::uuid IS NULL OR c.uetr = $6)
  AND ($7::text[] IS NULL OR c.subject = ANY($7))
  AND ($8::bigint IS NULL OR c.number < $8)
  AND ($12::timestamptz IS NULL OR c.since >= $12) AND ($13::timestamptz IS NULL OR c.since < $13)
  AND ($14::text IS NULL OR (SELECT CASE o.decided_by WHEN 'participant' THEN c.participant WHEN 'officers' THEN '' END
                               FROM switch.screening_officers AS o
                               WHERE c.kind IN ('screening', 'watch') AND o.participant IN (c.participant, '*')
                               ORDER BY o.participant = '*' LIMIT 1) = $14)
ORDER BY CASE WHEN $9::boolean THEN -c.number END, c.closed_at DESC NULLS FIRST, c.due_at, c.number
OFFSET $10::bigint LIMIT $11::bigint
