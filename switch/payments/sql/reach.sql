-- reach: the last recent probe of each rail, and the first of consecutive failed ones.
--   $1 countries
SELECT named.country, last.ok,
       (SELECT min(p.at) FROM switch.probe AS p
         WHERE NOT last.ok AND p.service = named.service
           AND p.at > coalesce((SELECT max(good.at) FROM switch.probe AS good
                                 WHERE good.service = named.service AND good.ok), '-infinity')) AS since
FROM (SELECT country, 'rail-' || country AS service FROM unnest($1::text[]) AS country) AS named
CROSS JOIN LATERAL (
    SELECT ok, at, every_s FROM switch.probe WHERE service = named.service ORDER BY at DESC LIMIT 1
) AS last
WHERE last.at > clock_timestamp() - (3 * last.every_s + 10) * interval '1 second'
