-- limits: every limit in force, with today's use (UTC).
SELECT l.participant, l.currency::text, l.per_payment, l.per_day, coalesce(u.minor, 0)
FROM switch.payment_limit AS l
LEFT JOIN switch.daily_use AS u ON u.participant = l.participant AND u.currency = l.currency
     AND u.day = (clock_timestamp() AT TIME ZONE 'UTC')::date
WHERE l.per_payment IS NOT NULL OR l.per_day IS NOT NULL
ORDER BY l.participant, l.currency
