-- set_state: set the state of a settlement.
--   $1 window  $2 state
UPDATE switch.settlement SET state = $2, changed_at = clock_timestamp()
WHERE settlement_window = $1
