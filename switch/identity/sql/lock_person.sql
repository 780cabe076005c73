-- lock_person: lock a person for a decision about signing in; the time of the database as Unix time.
--   $1 name
SELECT status, totp_secret, totp_step, extract(epoch FROM clock_timestamp())::bigint AS now
FROM switch.person WHERE name = $1 FOR UPDATE
