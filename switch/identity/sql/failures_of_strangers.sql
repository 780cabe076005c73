-- failures_of_strangers: wrong sign-ins with a name, from sources that are not the person's own.
--   $1 hash of the name  $2 seconds
SELECT coalesce(sum(failures), 0)::integer FROM switch.sign_in_failure
WHERE name = $1 AND NOT is_known AND at > clock_timestamp() - make_interval(secs => $2)
