-- add_artefact: record a report file, who made it, and up to which event of the log.
--   $1 SHA-256  $2 report  $3 format  $4 parameters, JSON  $5 scope  $6 caller  $7 whether personal data was shown
--   $8 sequence number up to which the ledger was read  $9 event of the audited log  $10 bytes  $11 signature
--   $12 SHA-256 of the report as JSON
INSERT INTO switch.report_artefact
       (sha256, report, format, parameters, scope, caller, revealed, as_of, event, octets, signature, content)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);
