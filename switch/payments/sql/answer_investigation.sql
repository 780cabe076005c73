-- answer_investigation: the agent on the other side answers an open question; the asker has its message.
--   $1 id  $2 state  $3 reason  $4 who answered
UPDATE switch.investigation
   SET state = $2, code = $3, answered_by = $4, changed_at = date_trunc('milliseconds', clock_timestamp()),
       told_at = coalesce(told_at, clock_timestamp()), ended_at = date_trunc('milliseconds', clock_timestamp())
 WHERE id = $1 AND ended_at IS NULL RETURNING id
