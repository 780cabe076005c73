-- end_recalls: recalls end when money of their payment came back, whose pacs.004 is the answer, or when their time is over;
-- one that was agreed is a case then.
--   $1 why it is rejected when nothing came
UPDATE switch.recall AS r
   SET state = CASE WHEN b.back THEN 'returned' ELSE 'unanswered' END, due_at = NULL,
       code = CASE WHEN b.back THEN '' ELSE $1 END,
       ended_at = date_trunc('milliseconds', clock_timestamp()), told_at = CASE WHEN b.back THEN clock_timestamp() END
  FROM (
      SELECT o.id, EXISTS (SELECT FROM ledger.transfer AS c WHERE c.corrects = o.payment)
                   OR EXISTS (SELECT FROM switch.part_return AS x WHERE x.payment = o.payment AND x.at >= o.asked_at) AS back
        FROM switch.recall AS o WHERE o.ended_at IS NULL
  ) AS b
 WHERE r.id = b.id AND r.ended_at IS NULL AND (b.back OR (r.state = 'asked' AND r.until_at <= clock_timestamp()))
