-- open_cases: open a case for each subject without one, or open its case again; oldest subjects first.
--   $1 kinds  $2 seconds of their deadlines  $3 limit
-- What a rail says against a final payment is a contradiction; what only its file says is a break.
WITH subject AS ({subjects}), fresh AS (
    SELECT s.* FROM subject AS s
    WHERE NOT EXISTS (SELECT FROM switch.case_file AS c WHERE c.subject = s.subject AND c.closed_at IS NULL)
    ORDER BY s.since LIMIT $3
), known AS (
    SELECT f.*, CASE WHEN f.kind = 'break' AND EXISTS (
               SELECT FROM ledger.transfer AS t JOIN ledger.event AS e ON e.number = t.number
               WHERE t.id = f.uetr AND e.kind = 'CONTRADICTION'
           ) THEN 'contradiction' ELSE f.kind END AS of_kind
    FROM fresh AS f
)
INSERT INTO switch.case_file AS c (kind, subject, rail, participant, uetr, since, due_at)
SELECT k.of_kind, k.subject, k.rail, k.participant, k.uetr, k.since, k.since + d.seconds * interval '1 second'
FROM known AS k JOIN unnest($1::text[], $2::float8[]) AS d (kind, seconds) ON d.kind = k.of_kind
ON CONFLICT (subject) DO UPDATE
   SET since = excluded.since, opened_at = clock_timestamp(), due_at = excluded.due_at, closed_at = NULL,
       level = 0, overdue = false
 WHERE c.closed_at IS NOT NULL
RETURNING number, kind, EXISTS (SELECT FROM switch.case_act AS a WHERE a.file = c.number) AS again
