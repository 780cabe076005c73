-- lacks_certificate: whether a participant needs a certificate, and never had one.
--   $1 participant
SELECT EXISTS (SELECT FROM switch.certification WHERE required)
   AND EXISTS (SELECT FROM switch.participant WHERE id = $1 AND kind = 'direct')
   AND NOT EXISTS (SELECT FROM switch.certificate WHERE participant = $1)
