-- due_notices: what a recipient is to be told now, oldest first, and where.
--   $1 channel  $2 recipient  $3 limit
SELECT n.number, n.file, n.why, n.attempts, c.kind, c.since, c.due_at AS deadline,
       c.closed_at IS NOT NULL OR c.opened_at <> n.opened_at AS is_over, p.email, p.webhook, p.language
FROM switch.case_notice AS n JOIN switch.case_file AS c ON c.number = n.file
LEFT JOIN switch.notice_profile AS p ON p.person = n.recipient
WHERE n.channel = $1 AND n.recipient = $2 AND n.due_at <= clock_timestamp()
ORDER BY n.number LIMIT $3
