-- person_who_signs_in: what a sign-in is checked against; the time of the database as Unix time.
--   $1 name
SELECT password_hash, totp_secret, totp_step, extract(epoch FROM clock_timestamp())::bigint AS now
FROM switch.person WHERE name = $1
