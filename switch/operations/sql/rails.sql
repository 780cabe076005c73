-- rails: whether each rail is open, what is tightened of its profile, its open payments by state, its last cycle, and its breaks.
SELECT r.country::text AS country, r.open OR coalesce(r.opens_at <= clock_timestamp(), false) AS open,
       CASE WHEN NOT r.open THEN r.opens_at END AS opens_at,
       r.minimum_minor, r.maximum_minor, r.hours_from, r.hours_to, r.fee_max_bps,
       count(*) FILTER (WHERE o.state = 'RESERVED') AS held, count(*) FILTER (WHERE o.state = 'SENT') AS sent,
       count(*) FILTER (WHERE o.state = 'UNKNOWN') AS unknown,
       (SELECT max(c.cycle) FROM switch.rail_cycle AS c WHERE c.rail = r.country) AS cycle,
       (SELECT count(*) FROM switch.reconciliation_break AS b
         WHERE b.rail = r.country AND b.resolved_at IS NULL) AS breaks
FROM switch.rail AS r LEFT JOIN switch.open_payment AS o ON o.rail = r.country GROUP BY r.country ORDER BY 1
