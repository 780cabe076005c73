-- add_invited: insert an invited person.
--   $1 name  $2 name to display  $3 role  $4 scope
INSERT INTO switch.person (name, display_name, role, scope, status)
VALUES ($1, $2, $3, $4, 'invited')
