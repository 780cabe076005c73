-- set_schedule: set the schedule of the windows of a currency.
--   $1 currency  $2 country  $3 time zone  $4 cut-off times  $5 whether enabled
INSERT INTO switch.window_schedule (currency, country, zone, closes_at, enabled)
VALUES ($1, $2, $3, $4::text[]::time[], $5)
ON CONFLICT (currency) DO UPDATE SET country = excluded.country, zone = excluded.zone,
                                     closes_at = excluded.closes_at, enabled = excluded.enabled
