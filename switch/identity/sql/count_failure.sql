-- count_failure: record an error in signing in, and lock the person out if there were too many.
--   $1 name  $2 consecutive errors  $3 whether to lock out  $4 seconds
UPDATE switch.person
SET failures = $2,
    locked_until = CASE WHEN $3 THEN clock_timestamp() + make_interval(secs => $4) END
WHERE name = $1
