-- take_over: begin a new epoch, which fences every other writer; waits for a batch that is being applied.
--   $1 the new writer's id
UPDATE ledger.head
   SET epoch = epoch + 1,
       writer = $1
RETURNING epoch, next_seq, at, log;
