-- due_changes: changes to execute that were left approved, and changes to expire.
--   $1 seconds since the last attempt
SELECT number, state FROM switch.change
WHERE (state = 'approved' AND coalesce(tried_at, requested_at) < clock_timestamp() - make_interval(secs => $1))
   OR (state = 'requested' AND expires_at <= clock_timestamp())
ORDER BY number
