-- answer_recall: the creditor agent has answered the recalls of a payment, and the asker has the answer.
--   $1 UETR  $2 creditor agent  $3 state  $4 why it is rejected
UPDATE switch.recall AS r
   SET state = $3, code = $4, due_at = NULL, told_at = CASE WHEN $3 = 'rejected' THEN clock_timestamp() END,
       ended_at = CASE WHEN $3 = 'rejected' THEN date_trunc('milliseconds', clock_timestamp()) END
  FROM ledger.transfer AS t
 WHERE t.id = $1 AND r.payment = t.number AND r.answerer = $2 AND r.ended_at IS NULL
