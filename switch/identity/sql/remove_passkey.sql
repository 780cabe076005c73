-- remove_passkey: remove a passkey of a person, or all of them.
--   $1 id, or null for all  $2 person
DELETE FROM switch.passkey WHERE person = $2 AND ($1::bytea IS NULL OR id = $1)
