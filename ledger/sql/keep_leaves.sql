-- keep_leaves: the leaf hashes of events that are about to be detached, 256 a row.
--   $1 first event  $2 last event; both at the edge of a block
INSERT INTO ledger.archived_leaves (block, leaves)
SELECT (seq - 1) >> 8, string_agg(leaf, '' ORDER BY seq)
  FROM ledger.event
 WHERE seq BETWEEN $1 AND $2
 GROUP BY (seq - 1) >> 8;
