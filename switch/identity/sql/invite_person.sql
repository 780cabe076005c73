-- invite_person: invite a person: without a password, with the hashes of the halves of a code.
--   $1 name  $2 hash of the maker's half  $3 hash of the checker's half  $4 hours until it expires
UPDATE switch.person
SET status = 'invited', password_hash = NULL, totp_secret = NULL, maker_half = $2, checker_half = $3,
    invited_until = clock_timestamp() + make_interval(hours => $4)
WHERE name = $1
