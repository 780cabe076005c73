-- last_look: faults of the last check of the invariants, and whether it is after the freeze; no row without a freeze.
SELECT coalesce(l.at > f.at, false) AS looked, coalesce(l.faults, '[]')::text AS faults
FROM switch.freeze AS f LEFT JOIN switch.invariant_look AS l ON true
