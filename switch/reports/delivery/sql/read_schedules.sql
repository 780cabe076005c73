-- read_schedules: the schedules of reports in force.
SELECT name, report, format, language, scope, rhythm, currency, destination, addressee, parameters, since, fault
  FROM switch.report_schedule
 WHERE removed_at IS NULL
 ORDER BY name
