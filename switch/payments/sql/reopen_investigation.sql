-- reopen_investigation: its asker objects to the answer, which somebody else is to give.
--   $1 id  $2 state  $3 id of the message  $4 what answers repeat  $5 how long the other side has  $6 reason that the asker is told
--   $7 the largest number of objections
UPDATE switch.investigation
   SET state = $2, message_id = $3, request = $4::jsonb, until_at = clock_timestamp() + $5, code = $6, answer = '', answered_by = '',
       objections = objections + 1, interim = 0, changed_at = date_trunc('milliseconds', clock_timestamp()), told_at = clock_timestamp(),
       ended_at = NULL
 WHERE id = $1 AND state IN ('answered', 'rejected') AND objections < $7 RETURNING id
