-- set_state_of_change: set the state of a change, and record when it ended.
--   $1 change  $2 state  $3 outcome  $4 of an approval: digest of the effect that the last voter saw, or none
UPDATE switch.change
SET state = $2, outcome = $3, seen = coalesce($4, seen),
    ended_at = CASE WHEN $2 <> 'approved' THEN clock_timestamp() END
WHERE number = $1
