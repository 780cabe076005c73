-- audit_leaves: leaf hashes in order.
--   $1 first leaf, from 0  $2 behind the last
SELECT leaf
  FROM ledger.event
 WHERE seq > $1
   AND seq <= $2
 ORDER BY seq;
