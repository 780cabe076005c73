-- answer_of_people: two people answer an open investigation; the caretaker tells its asker.
--   $1 id  $2 state  $3 reason  $4 answer
UPDATE switch.investigation
   SET state = $2, code = $3, answer = $4, answered_by = 'people', told_at = NULL,
       changed_at = date_trunc('milliseconds', clock_timestamp()), ended_at = date_trunc('milliseconds', clock_timestamp())
 WHERE id = $1 AND ended_at IS NULL AND state IN ('asked', 'people') RETURNING asker
