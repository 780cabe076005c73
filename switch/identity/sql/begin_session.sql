-- begin_session: begin a session.
--   $1 hash of the token  $2 session family  $3 person  $4 shortened address  $5 browser
INSERT INTO switch.session (sha256, family, person, began_at, address, browser)
VALUES ($1, $2, $3, clock_timestamp(), $4, $5)
