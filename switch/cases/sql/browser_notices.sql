-- browser_notices: take what browsers of a person are to show, each once.
--   $1 person
UPDATE switch.case_notice AS n SET due_at = NULL, done_at = clock_timestamp()
FROM switch.case_file AS c
WHERE n.channel = 'browser' AND n.recipient = $1 AND n.due_at <= clock_timestamp() AND c.number = n.file
RETURNING n.file, n.why, c.kind, c.closed_at IS NOT NULL OR c.opened_at <> n.opened_at AS is_over
