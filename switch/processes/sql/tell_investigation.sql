-- tell_investigation: the asker is told, in the same transaction; a question that waited for an outcome is answered.
--   $1 id  $2 the state that it was read in  $3 whether it is answered by that  $4 reason
UPDATE switch.investigation
   SET told_at = clock_timestamp(), code = $4, state = CASE WHEN $3 THEN 'answered' ELSE state END,
       answered_by = CASE WHEN $3 THEN 'books' ELSE answered_by END,
       changed_at = CASE WHEN $3 THEN date_trunc('milliseconds', clock_timestamp()) ELSE changed_at END,
       ended_at = CASE WHEN $3 THEN date_trunc('milliseconds', clock_timestamp()) ELSE ended_at END
 WHERE id = $1 AND state = $2 AND (told_at IS NULL OR $3) RETURNING id
