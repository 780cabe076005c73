-- schedule: the schedule of the windows of a currency.
--   $1 currency
SELECT (SELECT string_agg(to_char(clock, 'HH24:MI'), ' ') FROM unnest(closes_at) AS clock) AS closes_at,
       zone, country, enabled
FROM switch.window_schedule WHERE currency = $1
