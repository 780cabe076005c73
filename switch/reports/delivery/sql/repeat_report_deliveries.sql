-- repeat_report_deliveries: what people asked for again: a new delivery of the same package, or at once if it waits.
WITH asked AS (
    UPDATE switch.report_delivery AS d
       SET again_by = NULL,
           due_at = CASE WHEN d.delivered_at IS NULL AND d.given_up_at IS NULL THEN clock_timestamp() ELSE d.due_at END
      FROM (SELECT number, again_by FROM switch.report_delivery WHERE again_by IS NOT NULL FOR UPDATE) AS was
     WHERE d.number = was.number
    RETURNING d.number, d.schedule, d.period, d.destination, d.report, d.name, d.sha256, d.octets, d.file_sha256,
              d.delivered_at, d.given_up_at, was.again_by AS person
)
INSERT INTO switch.report_delivery
       (schedule, period, destination, report, name, sha256, octets, file_sha256, repeats, asked_by)
SELECT schedule, period, destination, report, name, sha256, octets, file_sha256, number, person
  FROM asked
 WHERE delivered_at IS NOT NULL OR given_up_at IS NOT NULL
 ORDER BY number
