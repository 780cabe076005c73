-- add_screening_list: keep the file of a sanctions list; a file that is there already is found.
--   $1 publisher  $2 published  $3 source  $4 SHA-256  $5 octets  $6 entries  $7 names  $8 file  $9 parties  $10 person
INSERT INTO switch.screening_list (publisher, published, source, sha256, octets, entries, names, file, parties, added_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (sha256) DO NOTHING RETURNING number
