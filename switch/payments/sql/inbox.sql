-- inbox: messages for a participant, oldest first; none that a transaction in progress may precede.
--   $1 receiver  $2 sequence numbers above  $3 maximum rows
SELECT c.*, coalesce(o.stated, c.uetr) AS known_uetr
FROM switch.correspondence AS c
LEFT JOIN switch.own_uetr AS o ON o.uetr = c.uetr AND o.sender = c.receiver
WHERE c.receiver = $1 AND c.seq > $2 AND c.made < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY c.seq LIMIT $3
