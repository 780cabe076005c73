-- escalate_investigations: the time of the other side is over: people of the operator answer, or have it answered.
--   $1 reason that the asker is told
UPDATE switch.investigation
   SET state = 'people', code = $1, told_at = NULL, changed_at = date_trunc('milliseconds', clock_timestamp())
 WHERE ended_at IS NULL AND state = 'asked' AND until_at <= clock_timestamp()
