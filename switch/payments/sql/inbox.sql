-- inbox: messages for a participant, oldest first; none that a transaction in progress may precede.
--   $1 receiver  $2 sequence numbers above  $3 maximum rows
SELECT * FROM switch.correspondence
WHERE receiver = $1 AND seq > $2 AND made < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY seq LIMIT $3
