-- add_settlement: add the settlement of a closed window.
--   $1 window  $2 currency  $3 state  $4 SHA-256 of the positions  $5 value date
INSERT INTO switch.settlement (settlement_window, currency, state, positions_sha256, value_date)
VALUES ($1, $2, $3, $4, $5)
