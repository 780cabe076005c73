-- enquiries_to_repeat: payments of unknown outcome for which to repeat the enquiry, now that their rail is reachable.
--   $1 rail  $2 payments to leave out  $3 limit  $4 after this payment  $5 maximum number of enquiries
--   $6 whether that limit is the rail's own
-- They are those without a response, and manual cases.
SELECT o.number, o.uetr, o.state, o.rail, o.entered_at, o.expires_at, o.enquiries, o.pending,
       p.native_ref, m.body AS native_body, k.sealed AS sealed_key, clock_timestamp() AS now,
       coalesce(r.open OR r.opens_at <= clock_timestamp(), false) AS rail_open
FROM switch.open_payment AS o
JOIN switch.payment AS p USING (number)
JOIN switch.message AS m ON m.number = o.number AND m.direction = 1
JOIN switch.message_key AS k ON k.number = o.number
LEFT JOIN switch.rail AS r ON r.country = o.rail -- a retired rail takes nothing more
WHERE o.rail = $1 AND o.state = 'UNKNOWN' AND o.number > $4 AND NOT o.number = ANY($2::bigint[])
  AND (o.unanswered > 0 OR (o.due_at IS NULL AND (o.enquiries < $5 OR NOT $6)))
  AND NOT EXISTS (SELECT FROM switch.restore_line AS l WHERE l.uetr = o.uetr) -- two people decide about those
ORDER BY o.number
LIMIT $3
