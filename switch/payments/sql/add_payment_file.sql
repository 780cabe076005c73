-- add_payment_file: keep a file that a participant hands in, unless it is known; the number of the row, none if it is.
--   $1 id  $2 sender  $3 whole  $4 digest  $5 size  $6 key id  $7 signature  $8 signature base  $9 sealed key  $10 how long it lasts, in seconds
INSERT INTO switch.payment_file (id, sender, whole, digest, size, keyid, signature, base, sealed_key, ends_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, clock_timestamp() + $10::double precision * interval '1 second')
ON CONFLICT (sender, digest) DO NOTHING RETURNING number
