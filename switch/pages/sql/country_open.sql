-- country_open: how many payments of a country are open, and how many of them unknown.
SELECT count(*) AS open, count(*) FILTER (WHERE open_state = 'UNKNOWN') AS unknown
FROM regulator.payment WHERE open_state IS NOT NULL
