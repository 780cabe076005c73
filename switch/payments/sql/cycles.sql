-- cycles: the cycles of a rail that have lines or were read, and whether each is over.
--   $1 rail
SELECT l.cycle, c.cycle IS NOT NULL AS over
FROM (SELECT DISTINCT cycle FROM switch.rail_cycle_line WHERE rail = $1
      UNION SELECT cycle FROM switch.rail_cycle WHERE rail = $1) AS l
LEFT JOIN switch.rail_cycle AS c ON c.rail = $1 AND c.cycle = l.cycle
ORDER BY 1
