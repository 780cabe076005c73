-- erase_attachment: delete the key of one file of a case, and its content, which nobody can read without it.
--   $1 case  $2 act
UPDATE switch.case_attachment AS f SET sealed_key = NULL, body = ''
FROM switch.case_act AS a
WHERE a.number = f.act AND a.file = $1 AND f.act = $2 AND f.sealed_key IS NOT NULL RETURNING f.act
