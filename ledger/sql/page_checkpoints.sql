-- page_checkpoints: what was published, newest first.
--   $1 smaller than this, or null  $2 this size alone, or null  $3 how many
SELECT size, root, at, note
  FROM ledger.checkpoint
 WHERE ($1::bigint IS NULL OR size < $1)
   AND ($2::bigint IS NULL OR size = $2)
 ORDER BY size DESC
 LIMIT $3;
