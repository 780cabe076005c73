-- add_first: insert the first operator or checker, who may sign in at once.
--   $1 name  $2 name to display  $3 role  $4 hash of the password  $5 encrypted secret of the authenticator
INSERT INTO switch.person (name, display_name, role, status, password_hash, totp_secret)
VALUES ($1, $2, $3, 'active', $4, $5)
