-- read_checkpoints: what was published, oldest first.
SELECT size, root, at, note
  FROM ledger.checkpoint
 ORDER BY size;
