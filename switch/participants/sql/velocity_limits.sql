-- velocity_limits: all velocity limits; null is none.
SELECT scope, participant, currency::text, hour_count, hour_minor, day_count, day_minor
FROM switch.velocity_limit ORDER BY participant, scope, currency
