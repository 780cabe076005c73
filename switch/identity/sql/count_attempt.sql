-- count_attempt: count an attempt to sign in before it is checked; whether it is within the budget of its source.
--   $1 hash of the name  $2 source  $3 whether it is a source of the person's own  $4 attempts without a delay
--   $5 first delay, in seconds  $6 longest delay  $7 seconds after which failures are forgotten
INSERT INTO switch.sign_in_failure AS f (name, source, is_known, failures, at, wait_until, is_admitted)
VALUES ($1, $2, $3, 1, clock_timestamp(), clock_timestamp(), true)
ON CONFLICT (name, source) DO UPDATE
SET is_admitted = f.wait_until <= clock_timestamp(),
    failures = CASE WHEN f.wait_until > clock_timestamp() THEN f.failures
                    WHEN f.at < clock_timestamp() - make_interval(secs => $7) THEN 1
                    ELSE f.failures + 1 END,
    at = CASE WHEN f.wait_until > clock_timestamp() THEN f.at ELSE clock_timestamp() END,
    wait_until = CASE WHEN f.wait_until > clock_timestamp() THEN f.wait_until
                      WHEN f.at < clock_timestamp() - make_interval(secs => $7) OR f.failures + 1 < $4
                      THEN clock_timestamp()
                      ELSE clock_timestamp()
                           + make_interval(secs => least($6, $5 * 2 ^ least(f.failures + 1 - $4, 20))) END
RETURNING is_admitted, failures
