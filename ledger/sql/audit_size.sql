-- audit_size: how many events there are, and how many subtrees of the lowest level are stored.
SELECT coalesce((SELECT max(seq) FROM ledger.event), 0) AS events,
       coalesce((SELECT max(position) + 1 FROM ledger.audit_node WHERE level = 8), 0) AS blocks;
