-- audit_node: the root of a complete subtree; no row if it was not stored yet.
--   $1 level  $2 position
SELECT hash
  FROM ledger.audit_node
 WHERE level = $1
   AND position = $2;
