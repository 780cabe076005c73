-- add_report_delivery: put the report of a period into the outbox; once, whatever happens in between.
--   $1 schedule  $2 period  $3 destination  $4 report  $5 name of the file  $6 SHA-256 of the package  $7 its size
--   $8 SHA-256 of the report
INSERT INTO switch.report_delivery (schedule, period, destination, report, name, sha256, octets, file_sha256)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (schedule, period) WHERE repeats IS NULL DO NOTHING
