-- look_since_restore: the last check of the invariants, and whether it covers the restore; no row if not closed.
SELECT c.begun, coalesce(l.faults, '[]') AS faults,
       coalesce(l.seq >= (SELECT max(first) FROM ledger.restore) AND l.at > c.at, false) AS looked
  FROM switch.closed AS c LEFT JOIN switch.invariant_look AS l ON true
