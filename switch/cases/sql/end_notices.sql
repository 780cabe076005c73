-- end_notices: notices that were sent, or that are of no use any more.
--   $1 numbers  $2 whether they were sent  $3 detail
UPDATE switch.case_notice
   SET due_at = NULL, done_at = CASE WHEN $2 THEN clock_timestamp() END, detail = $3, attempts = attempts + $2::int
WHERE number = ANY($1::bigint[]) AND due_at IS NOT NULL
