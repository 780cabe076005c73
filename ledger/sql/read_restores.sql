-- read_restores: what restores to an earlier instant left out, oldest first.
SELECT number, kept, root, first, at, published FROM ledger.restore ORDER BY number;
