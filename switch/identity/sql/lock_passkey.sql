-- lock_passkey: lock a passkey of a person for a decision about its use.
--   $1 id  $2 person
SELECT credential, counter FROM switch.passkey WHERE id = $1 AND person = $2 FOR UPDATE
