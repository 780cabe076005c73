-- activate_person: end the enrolment of a person, who may sign in from now on.
--   $1 name  $2 step of the code that was used
UPDATE switch.person
SET status = 'active', totp_step = $2, maker_half = NULL, checker_half = NULL, invited_until = NULL,
    failures = 0, locked_until = NULL
WHERE name = $1
