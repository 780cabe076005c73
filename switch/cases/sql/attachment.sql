-- attachment: one file of a case.
--   $1 case  $2 act
SELECT f.id, f.name, f.media_type, f.body, f.sealed_key, encode(a.sha256, 'hex') AS sha256
FROM switch.case_attachment AS f JOIN switch.case_act AS a ON a.number = f.act
WHERE a.file = $1 AND f.act = $2
