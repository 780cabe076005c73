-- checkpoint_before: the newest checkpoint that was certainly signed and visible before an event.
--   $1 event  $2 how long before it
SELECT c.size, c.root FROM ledger.checkpoint AS c
 WHERE c.size < $1 AND c.at < (SELECT e.at FROM ledger.event AS e WHERE e.seq = $1) - $2::interval
 ORDER BY c.size DESC LIMIT 1
