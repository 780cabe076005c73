-- end_question: note the answer of a rail to a question of people.
--   $1 act  $2 answer
WITH ended AS (
    UPDATE switch.case_question SET done_at = clock_timestamp() WHERE act = $1 AND done_at IS NULL RETURNING act
)
INSERT INTO switch.case_act (file, kind, about)
SELECT a.file, 'answered', $2 FROM switch.case_act AS a JOIN ended AS e ON a.number = e.act
