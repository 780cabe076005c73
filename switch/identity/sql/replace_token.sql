-- replace_token: replace the token of a session, unless it was replaced already.
--   $1 hash of the token  $2 hash of the new token
WITH old AS (
    UPDATE switch.session SET replaced_at = clock_timestamp()
    WHERE sha256 = $1 AND replaced_at IS NULL RETURNING family, person, began_at, address, browser, confirmed_at, issuer, sid
)
INSERT INTO switch.session (sha256, family, person, began_at, address, browser, confirmed_at, issuer, sid)
SELECT $2, family, person, began_at, address, browser, confirmed_at, issuer, sid FROM old RETURNING family
