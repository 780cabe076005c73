-- add_witness: a witness from now on; one that was removed comes back.
--   $1 verifier key  $2 name  $3 address, or empty
INSERT INTO switch.witness (key, name, url)
VALUES ($1, $2, $3)
ON CONFLICT (key) DO UPDATE SET url = excluded.url, removed_at = NULL;
