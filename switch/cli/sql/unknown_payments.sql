-- unknown_payments: number of payments with unknown outcome, and the age of the oldest, by rail.
SELECT rail, count(*) AS n, extract(epoch FROM clock_timestamp() - min(entered_at))::float8 AS age
FROM switch.open_payment WHERE state = 'UNKNOWN' GROUP BY rail
