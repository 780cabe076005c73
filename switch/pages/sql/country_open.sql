-- country_open: number of open payments of a country, and of those with unknown outcome.
SELECT count(*) AS open, count(*) FILTER (WHERE open_state = 'UNKNOWN') AS unknown
FROM regulator.payment WHERE open_state IS NOT NULL
