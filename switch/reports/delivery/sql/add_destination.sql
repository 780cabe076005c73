-- add_destination: allow a destination of reports, or one of a name that was removed.
--   $1 name  $2 address  $3 public key of the SFTP host  $4 access key id  $5 region
INSERT INTO switch.report_destination (name, address, host_key, access_key, region)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (name) DO UPDATE
   SET address = $2, host_key = $3, access_key = $4, region = $5, added_at = clock_timestamp(), removed_at = NULL
