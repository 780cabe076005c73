-- told_inbound: the rail has the answer, or says that it has ended the order otherwise.
--   $1 rail  $2 kind  $3 ref  $4 why the rail disputes it; empty if it does not
UPDATE switch.inbound_order
   SET told_at = clock_timestamp(), due_at = NULL, attempts = attempts + 1,
       disputed = CASE WHEN $4 = '' THEN disputed ELSE $4 END -- what is owed already stays owed
 WHERE rail = $1 AND kind = $2 AND ref = $3
