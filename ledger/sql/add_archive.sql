-- add_archive: remember what is being detached.
--   $1 first event  $2 last event  $3 time of the last event  $4 state after it  $5 signed note
INSERT INTO ledger.archive (first_seq, last_seq, last_at, state, note)
VALUES ($1, $2, $3, $4, $5)
RETURNING first_seq, last_seq, at, last_at, state, note;
