-- caused_since: the last event of versions that recorded no causes, its time, and whether this is a sandbox.
SELECT coalesce(c.seq, 0) AS since, e.at, coalesce(i.sandbox, false) AS sandbox
FROM (SELECT 1) AS one
LEFT JOIN switch.caused_since AS c ON true
LEFT JOIN ledger.event AS e ON e.seq = c.seq
LEFT JOIN switch.installation AS i ON true
