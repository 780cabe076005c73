-- confirm_session: the second factor was proved again in a session.
--   $1 hash of the token
UPDATE switch.session SET confirmed_at = clock_timestamp()
WHERE family = (SELECT family FROM switch.session WHERE sha256 = $1) RETURNING true
