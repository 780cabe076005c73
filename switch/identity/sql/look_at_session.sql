-- look_at_session: the active person of a session that has not ended, whose use is noted; no row if there is none.
--   $1 hash of the token  $2 longest session  $3 longest pause  $4 how long a replaced token is valid; all in seconds
UPDATE switch.session AS s SET seen_at = clock_timestamp()
FROM switch.person AS p
WHERE s.sha256 = $1 AND p.name = s.person AND p.status = 'active'
  AND s.began_at > clock_timestamp() - make_interval(secs => $2)
  AND s.seen_at > clock_timestamp() - make_interval(secs => $3)
  AND (s.replaced_at IS NULL OR s.replaced_at > clock_timestamp() - make_interval(secs => $4))
RETURNING p.name, p.display_name, p.role, p.scope, p.status
