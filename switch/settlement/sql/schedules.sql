-- schedules: the schedules of the windows of all currencies.
SELECT currency::text, country::text, zone, closes_at, enabled
FROM switch.window_schedule ORDER BY currency
