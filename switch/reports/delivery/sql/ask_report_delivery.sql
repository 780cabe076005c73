-- ask_report_delivery: have the messenger deliver a report again, if its destination is still allowed.
--   $1 number  $2 who asks
UPDATE switch.report_delivery AS d
   SET again_by = $2
  FROM switch.report_destination AS t
 WHERE d.number = $1 AND t.name = d.destination AND t.removed_at IS NULL
RETURNING d.name, d.destination, d.sha256
