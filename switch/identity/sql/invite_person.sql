-- invite_person: invite a person: without a password, with the hashes of the halves of a code.
-- Who could sign in before keeps a step above 0, with whatever factor: the person had enrolled.
--   $1 name  $2 hash of the maker's half  $3 hash of the checker's half  $4 hours until it expires
UPDATE switch.person
SET status = 'invited', totp_step = CASE status WHEN 'invited' THEN totp_step ELSE greatest(totp_step, 1) END,
    password_hash = NULL, totp_secret = NULL, maker_half = $2, checker_half = $3,
    invited_until = clock_timestamp() + make_interval(hours => $4)
WHERE name = $1
