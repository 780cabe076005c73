-- lock_invited: lock an invited person; the time of the database, in seconds of Unix time.
--   $1 name
SELECT maker_half, checker_half, totp_secret, extract(epoch FROM clock_timestamp())::bigint AS now
FROM switch.person WHERE name = $1 AND status = 'invited' AND invited_until > clock_timestamp() FOR UPDATE
