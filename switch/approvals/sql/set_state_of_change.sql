-- set_state_of_change: set the state of a change, and record when it was approved or ended.
--   $1 change  $2 state  $3 outcome
UPDATE switch.change
SET state = $2, outcome = $3,
    tried_at = CASE WHEN $2 = 'approved' THEN clock_timestamp() ELSE tried_at END,
    ended_at = CASE WHEN $2 <> 'approved' THEN clock_timestamp() END
WHERE number = $1
