-- withdraw_investigation: its asker closes an open question.
--   $1 id  $2 reason
UPDATE switch.investigation
   SET state = 'withdrawn', code = $2, told_at = clock_timestamp(), changed_at = date_trunc('milliseconds', clock_timestamp()),
       ended_at = date_trunc('milliseconds', clock_timestamp())
 WHERE id = $1 AND ended_at IS NULL RETURNING id
