-- take_settled_before: subtract what an agent settled before a restore from the lines of a window, once.
--   $1 currency  $2 window
UPDATE switch.settled_before SET settlement_window = $2
 WHERE currency = $1 AND settlement_window IS NULL
RETURNING participant, minor
