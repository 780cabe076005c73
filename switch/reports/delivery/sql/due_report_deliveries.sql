-- due_report_deliveries: what is to be delivered now, the oldest of each destination.
SELECT DISTINCT ON (d.destination) d.number, d.destination, d.name, d.sha256, d.attempts, d.made_at,
       t.address, t.host_key, t.access_key, t.region, clock_timestamp() AS now
  FROM switch.report_delivery AS d
  JOIN switch.report_destination AS t ON t.name = d.destination AND t.removed_at IS NULL
 WHERE d.delivered_at IS NULL AND d.given_up_at IS NULL AND d.due_at <= clock_timestamp()
 ORDER BY d.destination, d.number
