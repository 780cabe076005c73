-- end_session: end every token of the session family of a token; returns the person.
--   $1 hash of the token
DELETE FROM switch.session
WHERE family = (SELECT family FROM switch.session WHERE sha256 = $1) RETURNING person
