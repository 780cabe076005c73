-- certificate: the last certificate of a participant, expired or not.
--   $1 participant
SELECT kit, product, tested_at, valid_until, encode(report_sha256, 'hex') AS report_sha256, change
FROM switch.certificate WHERE participant = $1 ORDER BY change DESC LIMIT 1
