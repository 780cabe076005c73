-- archived_leaves: leaf hashes of detached events, 256 a row, in order.
--   $1 first block  $2 last block
SELECT block, leaves
  FROM ledger.archived_leaves
 WHERE block BETWEEN $1 AND $2
 ORDER BY block;
