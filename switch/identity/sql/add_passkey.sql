-- add_passkey: add a passkey, unless it is known; returns whether it was added.
--   $1 id  $2 person  $3 label  $4 attested credential data  $5 signature counter
INSERT INTO switch.passkey (id, person, label, credential, counter)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING RETURNING true
