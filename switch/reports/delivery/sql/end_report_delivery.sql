-- end_report_delivery: the receipt of a delivery.
--   $1 number  $2 what the receiver answered  $3 address
UPDATE switch.report_delivery
   SET attempts = attempts + 1, answer = $2, delivered_to = $3, delivered_at = clock_timestamp()
 WHERE number = $1 AND delivered_at IS NULL
