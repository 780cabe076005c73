-- add_change: insert a request; return its number.
--   $1 kind  $2 content  $3 maker  $4 reason  $5 seats  $6 time until it expires
INSERT INTO switch.change (kind, content, maker, reason, seats, state, expires_at)
VALUES ($1, $2, $3, $4, $5, 'requested', clock_timestamp() + $6) RETURNING number
