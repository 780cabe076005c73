-- restored_gaps: parts of the log that stand for lost events: the last event before each, and the first after it.
SELECT kept, first FROM ledger.restore
UNION ALL
SELECT kept, until + 1 FROM switch.closed WHERE NOT begun
ORDER BY 1
