-- state_of_window: the state of a window, or of its settlement.
--   $1 window
SELECT CASE WHEN w.closing_seq IS NULL THEN 'OPEN' ELSE coalesce(s.state, 'CLOSED') END
FROM ledger.settlement_window AS w LEFT JOIN switch.settlement AS s ON s.settlement_window = w.number
WHERE w.number = $1
