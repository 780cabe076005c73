-- recent_failures: wrong sign-ins by name.
--   $1 seconds
SELECT name, sum(failures)::integer AS failures FROM switch.sign_in_failure
WHERE at > clock_timestamp() - make_interval(secs => $1) GROUP BY name
