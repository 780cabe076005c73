-- retry_notices: notices whose message was not accepted; given up after the last attempt.
--   $1 numbers  $2 detail  $3 seconds until the next attempt; NULL: there is none
UPDATE switch.case_notice
   SET attempts = attempts + 1, detail = $2, due_at = clock_timestamp() + $3::float8 * interval '1 second'
WHERE number = ANY($1::bigint[]) AND due_at IS NOT NULL
