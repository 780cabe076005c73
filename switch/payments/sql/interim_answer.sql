-- interim_answer: the agent on the other side works on a question; that gives it no more time.
--   $1 id  $2 reason  $3 the largest number of interim answers
UPDATE switch.investigation
   SET code = $2, interim = interim + 1, changed_at = date_trunc('milliseconds', clock_timestamp())
 WHERE id = $1 AND state = 'asked' AND interim < $3 RETURNING id
