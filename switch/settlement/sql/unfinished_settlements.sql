-- unfinished_settlements: settlements that the caretaker can continue, the oldest first.
SELECT settlement_window, state FROM switch.settlement
WHERE state IN ('CONFIRMED', 'SETTLING') ORDER BY settlement_window
