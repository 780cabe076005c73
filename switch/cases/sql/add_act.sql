-- add_act: what happened to a case.
--   $1 case  $2 kind  $3 person  $4 whom or what it is about  $5 text  $6 SHA-256
INSERT INTO switch.case_act (file, kind, person, about, text, sha256) VALUES ($1, $2, $3, $4, $5, $6) RETURNING number
