-- witness_failed: it did not cosign; when it is sent the next checkpoint.
--   $1 verifier key  $2 result  $3 pause  $4 whether it holds another history
UPDATE switch.witness
   SET attempts = attempts + 1, due_at = clock_timestamp() + $3::interval, result = $2,
       refuses_at = CASE WHEN $4 THEN coalesce(refuses_at, clock_timestamp()) ELSE refuses_at END
 WHERE key = $1;
