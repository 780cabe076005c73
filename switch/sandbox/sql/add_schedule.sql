-- add_schedule: insert the schedule of the settlement windows of a currency.
--   $1 currency  $2 country  $3 time zone  $4 closing times as text
INSERT INTO switch.window_schedule (currency, country, zone, closes_at)
VALUES ($1, $2, $3, $4::text[]::time[]) ON CONFLICT DO NOTHING
