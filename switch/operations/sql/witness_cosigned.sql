-- witness_cosigned: it holds this checkpoint.
--   $1 verifier key  $2 events
UPDATE switch.witness
   SET size = $2, attempts = 0, due_at = clock_timestamp(), result = '', refuses_at = NULL
 WHERE key = $1;
