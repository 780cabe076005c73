-- add_checkpoint: keep what is about to be published; no row if this size was published before.
--   $1 size  $2 root  $3 note
INSERT INTO ledger.checkpoint (size, root, note)
VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING
RETURNING size, root, at, note;
