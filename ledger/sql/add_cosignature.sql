-- add_cosignature: keep what a witness said of a checkpoint; the first time is what counts.
--   $1 size  $2 verifier key of the witness  $3 line
INSERT INTO ledger.cosignature (size, key, line)
VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING;
