-- is_recorded: whether the ledger's writer has decided a command with one of these ids.
--   $1 ids
SELECT EXISTS (SELECT FROM ledger.transfer WHERE id = ANY($1))
    OR EXISTS (SELECT FROM switch.decided_order WHERE id = ANY($1))
