-- unsettled_windows: closed windows that have no settlement yet, the oldest first.
SELECT w.number FROM ledger.settlement_window AS w
LEFT JOIN switch.settlement AS s ON s.settlement_window = w.number
WHERE w.closing_seq IS NOT NULL AND s.settlement_window IS NULL ORDER BY w.number
