-- approved_changes: changes to execute: new ones, and those whose last attempt was interrupted.
--   $1 seconds since the last attempt
SELECT number FROM switch.change
WHERE state = 'approved' AND (tried_at IS NULL OR tried_at < clock_timestamp() - make_interval(secs => $1))
ORDER BY number
