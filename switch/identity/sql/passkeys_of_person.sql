-- passkeys_of_person: the passkeys of a person, the oldest first.
--   $1 person
SELECT id, label, added_at, used_at FROM switch.passkey WHERE person = $1 ORDER BY added_at, id
