-- read_checkpoints: what was published, oldest first.
--   $1 leave out trees of so many events or fewer
SELECT size, root, at, note
  FROM ledger.checkpoint
 WHERE size > $1
 ORDER BY size;
