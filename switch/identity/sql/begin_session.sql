-- begin_session: begin a session.
--   $1 hash of the token  $2 session family  $3 person
INSERT INTO switch.session (sha256, family, person, began_at)
VALUES ($1, $2, $3, clock_timestamp())
