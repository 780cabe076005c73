-- due_payments: open payments of a rail that are due, with what their next step needs, the longest due first.
--   $1 rail  $2 payments to leave out  $3 limit  $4 whether the outcome is unknown: false, true, or both
SELECT o.number, o.uetr, o.state, o.rail, o.entered_at, o.expires_at, o.enquiries, o.pending,
       p.native_ref, m.body AS native_body, k.sealed AS sealed_key, clock_timestamp() AS now,
       coalesce(r.open OR r.opens_at <= clock_timestamp(), false) AS rail_open
FROM switch.open_payment AS o
JOIN switch.payment AS p USING (number)
JOIN switch.message AS m ON m.number = o.number AND m.direction = 1
JOIN switch.message_key AS k ON k.number = o.number
LEFT JOIN switch.rail AS r ON r.country = o.rail -- a retired rail takes nothing more
WHERE o.rail = $1 AND o.due_at <= clock_timestamp() AND NOT o.number = ANY($2::bigint[])
  AND (o.state <> 'RESERVED' OR o.expires_at <= clock_timestamp()
       OR r.open OR r.opens_at <= clock_timestamp()) -- what waits for its rail to open is not due
  AND (o.state = 'UNKNOWN') = ANY($4::boolean[])
ORDER BY o.due_at
LIMIT $3
