-- retry_report_delivery: the receiver did not accept it: again after a pause, or never.
--   $1 number  $2 why  $3 pause  $4 whether it is given up
UPDATE switch.report_delivery
   SET attempts = attempts + 1, answer = $2, due_at = clock_timestamp() + $3::interval,
       given_up_at = CASE WHEN $4::boolean THEN clock_timestamp() END
 WHERE number = $1 AND delivered_at IS NULL
