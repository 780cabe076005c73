-- read_destinations: the destinations of reports in force.
SELECT name, address, added_at FROM switch.report_destination WHERE removed_at IS NULL ORDER BY name
