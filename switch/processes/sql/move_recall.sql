-- move_recall: what the payee's bank says over its rail.
--   $1 id  $2 state  $3 why it is rejected  $4 seconds until it is asked again, or NULL
UPDATE switch.recall
   SET state = $2, code = $3, attempts = attempts + 1, due_at = clock_timestamp() + $4::float8 * interval '1 second',
       ended_at = CASE WHEN $2 = 'rejected' THEN date_trunc('milliseconds', clock_timestamp()) END
 WHERE id = $1 AND state = 'asked' AND ended_at IS NULL
