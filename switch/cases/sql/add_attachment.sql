-- add_attachment: a sealed file.
--   $1 act  $2 id  $3 name  $4 media type  $5 size  $6 sealed content  $7 sealed key
INSERT INTO switch.case_attachment (act, id, name, media_type, octets, body, sealed_key) VALUES ($1, $2, $3, $4, $5, $6, $7)
