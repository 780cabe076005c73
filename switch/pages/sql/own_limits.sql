-- own_limits: the limits of a participant, with today's use (UTC).
--   $1 participant
SELECT l.currency::text, l.per_payment, l.per_day, coalesce(u.minor, 0) AS used
FROM switch.payment_limit AS l
LEFT JOIN switch.daily_use AS u
       ON u.participant = l.participant AND u.currency = l.currency
      AND u.day = (clock_timestamp() AT TIME ZONE 'UTC')::date
WHERE l.participant = $1
