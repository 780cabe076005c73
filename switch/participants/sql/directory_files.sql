-- directory_files: files of directories, newest first.
--   $1 number, or NULL for all  $2 at most
SELECT f.number, trim(f.rail) AS rail, encode(f.sha256, 'hex') AS sha256, f.octets, jsonb_array_length(f.banks) AS banks,
       f.added_by, f.added_at
  FROM switch.directory_file AS f
 WHERE $1::bigint IS NULL OR f.number = $1
 ORDER BY f.number DESC LIMIT $2
