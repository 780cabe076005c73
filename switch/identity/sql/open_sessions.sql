-- open_sessions: the open sessions of a person, the last used first.
--   $1 person  $2 hash of the token of the request  $3 longest duration  $4 longest time without use, both in seconds
SELECT family, min(began_at) AS began_at, max(seen_at) AS used_at, max(address) AS address, max(browser) AS browser,
       coalesce(family = (SELECT family FROM switch.session WHERE sha256 = $2), false) AS current
FROM switch.session
WHERE person = $1 AND began_at > clock_timestamp() - make_interval(secs => $3)
GROUP BY family HAVING max(seen_at) > clock_timestamp() - make_interval(secs => $4)
ORDER BY used_at DESC, family
