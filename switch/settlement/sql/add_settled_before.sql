-- add_settled_before: keep what an agent settled before a restore, for the next window of the currency; once a change.
--   $1 currency  $2 participant  $3 minor units: positive if the participant paid  $4 change
INSERT INTO switch.settled_before (currency, participant, minor, change) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
