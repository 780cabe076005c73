-- use_confirmation: use up the confirmation of a session; returns the family if there was one.
--   $1 hash of the token  $2 seconds for which it is valid
UPDATE switch.session SET confirmed_at = NULL
WHERE family = (SELECT family FROM switch.session WHERE sha256 = $1)
  AND confirmed_at > clock_timestamp() - make_interval(secs => $2)
RETURNING family
