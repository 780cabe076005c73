-- schedules: the schedules in force, with the database's clock.
SELECT s.*, clock_timestamp() AS now
  FROM switch.report_schedule AS s
 WHERE s.removed_at IS NULL
 ORDER BY s.name
