-- add_person: insert a person who may sign in.
--   $1 name  $2 name to display  $3 role  $4 scope  $5 hash of the password  $6 encrypted authenticator secret
INSERT INTO switch.person (name, display_name, role, scope, status, password_hash, totp_secret)
VALUES ($1, $2, $3, $4, 'active', $5, $6)
