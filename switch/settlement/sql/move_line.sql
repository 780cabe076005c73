-- move_line: set the state of a line; no row if the line is no longer in the state before.
--   $1 window  $2 participant  $3 state before  $4 state after  $5 reason  $6 transfer, or null for no change
UPDATE switch.settlement_line
SET state = $4, reason = $5, transfer = coalesce($6, transfer), changed_at = clock_timestamp()
WHERE settlement_window = $1 AND participant = $2 AND state = $3 RETURNING true
