-- begin_session: begin a session.
--   $1 hash of the token  $2 session family  $3 person  $4 shortened address  $5 browser
--   $6 issuer of the identity provider that signed the person in, or empty  $7 its session id
INSERT INTO switch.session (sha256, family, person, began_at, address, browser, issuer, sid)
VALUES ($1, $2, $3, clock_timestamp(), $4, $5, $6, $7)
