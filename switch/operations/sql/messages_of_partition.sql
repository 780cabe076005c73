-- messages_of_partition: the messages of a partition, for the archive.
--   $1 first number  $2 last number
SELECT number, direction, body FROM switch.message
WHERE number BETWEEN $1 AND $2 ORDER BY number, direction
