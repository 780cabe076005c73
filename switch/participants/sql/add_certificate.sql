-- add_certificate: record the certificate of a participant's client; its change counts once.
--   $1 participant  $2 kit  $3 product  $4 end of its run  $5 last day  $6 SHA-256 of the report, hexadecimal  $7 change
INSERT INTO switch.certificate (participant, kit, product, tested_at, valid_until, report_sha256, change)
VALUES ($1, $2, $3, $4, $5, decode($6, 'hex'), $7)
ON CONFLICT (change) DO NOTHING
