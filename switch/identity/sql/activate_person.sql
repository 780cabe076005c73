-- activate_person: end the enrolment of a person, who may sign in from now on.
--   $1 name  $2 step of the code that was used, or null: there is a passkey in place of the authenticator
-- The step is not 0 from now on: who invites the person again can see that it had enrolled.
UPDATE switch.person
SET status = 'active', totp_step = coalesce($2, 1), totp_secret = CASE WHEN $2::bigint IS NOT NULL THEN totp_secret END,
    maker_half = NULL, checker_half = NULL, invited_until = NULL
WHERE name = $1
