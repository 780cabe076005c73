-- report_deliveries: reports that were made by schedule, newest first, with their receipts.
--   $1 maximum number  $2 before this number, or null  $3 made since, or null  $4 made before, or null
SELECT number, schedule, period, destination, report, name, sha256, octets, file_sha256, made_at, attempts, due_at,
       answer, delivered_to, delivered_at, given_up_at, repeats, asked_by, again_by
  FROM switch.report_delivery
 WHERE ($2::bigint IS NULL OR number < $2)
   AND ($3::timestamptz IS NULL OR made_at >= $3)
   AND ($4::timestamptz IS NULL OR made_at < $4)
 ORDER BY number DESC
 LIMIT $1
