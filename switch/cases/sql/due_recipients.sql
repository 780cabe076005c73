-- due_recipients: whom to send a message now: at most one in some time for each recipient and channel.
--   $1 channels  $2 seconds between two messages
SELECT n.channel, n.recipient
FROM switch.case_notice AS n
WHERE n.channel = ANY($1::text[]) AND n.due_at <= clock_timestamp()
GROUP BY 1, 2
HAVING NOT EXISTS (SELECT FROM switch.case_notice AS d
                   WHERE d.channel = n.channel AND d.recipient = n.recipient
                     AND d.done_at > clock_timestamp() - $2::float8 * interval '1 second')
LIMIT 100
