-- use_code: record the time step of a code, so that it works once; returns whether it was not used before.
--   $1 person  $2 step
UPDATE switch.person SET totp_step = $2 WHERE name = $1 AND totp_step < $2 RETURNING true
