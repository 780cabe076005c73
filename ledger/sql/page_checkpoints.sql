-- page_checkpoints: what was published, newest first, with what witnesses said of it.
--   $1 smaller than this, or null  $2 this size alone, or null  $3 how many
SELECT size, root, at, note,
       ARRAY(SELECT line FROM ledger.cosignature AS c WHERE c.size = checkpoint.size ORDER BY c.key) AS lines
  FROM ledger.checkpoint
 WHERE ($1::bigint IS NULL OR size < $1)
   AND ($2::bigint IS NULL OR size = $2)
 ORDER BY size DESC
 LIMIT $3;
