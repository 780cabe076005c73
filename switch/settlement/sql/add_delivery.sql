-- add_delivery: schedule the delivery of an instruction, now.
--   $1 window  $2 endpoint
INSERT INTO switch.settlement_delivery (settlement_window, door, state, due_at)
VALUES ($1, $2, 'DUE', clock_timestamp())
