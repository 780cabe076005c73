-- latest_messages: messages for a participant, newest first, without their content.
--   $1 receiver  $2 sequence numbers below  $3 maximum rows  $4 received since, or null  $5 received before, or null
SELECT c.seq, c.at, coalesce(c.sender, 'payswitch'), c.definition, c.message_id,
       coalesce(o.stated, c.uetr) AS known_uetr,
       c.sealed_key IS NULL AS erased,
       CASE WHEN c.definition LIKE 'camt.110.%' THEN NOT EXISTS (
           SELECT FROM switch.investigation AS i
           WHERE i.answerer = c.receiver AND i.message_id = c.message_id AND i.asker = c.sender AND i.ended_at IS NULL
       ) ELSE c.uetr IS NOT NULL AND EXISTS (
           SELECT FROM switch.correspondence AS a
           WHERE a.uetr = c.uetr AND a.sender = c.receiver AND a.seq > c.seq
       ) END AS answered
FROM switch.correspondence AS c
LEFT JOIN switch.own_uetr AS o ON o.uetr = c.uetr AND o.sender = c.receiver
WHERE c.receiver = $1 AND c.seq < $2 AND c.made < pg_snapshot_xmin(pg_current_snapshot())
  AND ($4::timestamptz IS NULL OR c.at >= $4) AND ($5::timestamptz IS NULL OR c.at < $5)
ORDER BY c.seq DESC LIMIT $3
