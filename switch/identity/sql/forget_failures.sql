-- forget_failures: delete what counts no more.
--   $1 seconds
DELETE FROM switch.sign_in_failure WHERE at < clock_timestamp() - make_interval(secs => $1)
