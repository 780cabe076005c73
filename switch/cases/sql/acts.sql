-- acts: the history of a case, with the name and size of each attachment.
--   $1 case
SELECT a.number, a.at, a.kind, a.person, a.about, a.text, encode(a.sha256, 'hex') AS sha256,
       f.name, f.media_type, f.octets, f.sealed_key IS NULL AS erased
FROM switch.case_act AS a LEFT JOIN switch.case_attachment AS f ON f.act = a.number
WHERE a.file = $1 ORDER BY a.number
