-- provision_person: add a person at the first sign-in with a provider; returns whether the name was free.
--   $1 name  $2 name to display  $3 role  $4 scope
INSERT INTO switch.person (name, display_name, role, scope, status)
VALUES ($1, $2, $3, $4, 'active') ON CONFLICT (name) DO NOTHING RETURNING true
