-- keep_look: store where the check of the invariants ended, and its faults.
--   $1 the last correct event  $2 the ledger after it  $3 roots of the hash tree up to it  $4 faults
INSERT INTO switch.invariant_look (seq, state, tree, faults) VALUES ($1, $2, $3, $4)
ON CONFLICT (one) DO UPDATE SET seq = excluded.seq, state = excluded.state, tree = excluded.tree,
                                at = clock_timestamp(), faults = excluded.faults
