-- The hash in the QR code of a report leads to its files: SHA-256 of the report as JSON, the same in every format.
ALTER TABLE switch.report_artefact ADD COLUMN content bytea CHECK (length(content) = 32);
CREATE INDEX report_artefact_content ON switch.report_artefact (content);
