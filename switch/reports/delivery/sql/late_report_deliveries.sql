-- late_report_deliveries: of each destination, how many reports wait, how long the oldest has waited in seconds, and how
-- many were given up and not delivered again. A destination that was removed has none.
SELECT t.name AS destination,
       count(d.number) FILTER (WHERE d.delivered_at IS NULL AND d.given_up_at IS NULL) AS waiting,
       coalesce(extract(epoch FROM clock_timestamp() - min(d.made_at)
           FILTER (WHERE d.delivered_at IS NULL AND d.given_up_at IS NULL)), 0)::float8 AS age_s,
       count(d.number) FILTER (WHERE d.given_up_at >= t.added_at AND NOT EXISTS (
           SELECT FROM switch.report_delivery AS r WHERE r.repeats = d.number)) AS given_up
  FROM switch.report_destination AS t
  LEFT JOIN switch.report_delivery AS d
    ON d.destination = t.name AND d.delivered_at IS NULL AND t.removed_at IS NULL
 GROUP BY t.name
