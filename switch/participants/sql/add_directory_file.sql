-- add_directory_file: keep the file of a rail's directory; one that is there already is found.
--   $1 rail  $2 SHA-256  $3 octets  $4 banks as JSON  $5 file, zlib  $6 person
INSERT INTO switch.directory_file (rail, sha256, octets, banks, file, added_by)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (rail, sha256) DO NOTHING RETURNING number
