-- resume: a new epoch for the same writer after it lost its connection; no row if another has taken over.
-- Waits for the lost connection's batch to end, so what is read afterwards is settled.
--   $1 the writer's id
UPDATE ledger.head
   SET epoch = epoch + 1
 WHERE writer = $1
RETURNING epoch, next_seq, at, log;
