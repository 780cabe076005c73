-- open_payments: the open payments of a rail, with their state.
--   $1 rail
SELECT o.uetr, p.native_ref, o.state, o.pending, o.entered_at, o.expires_at
FROM switch.open_payment AS o JOIN switch.payment AS p USING (number)
WHERE o.rail = $1 AND o.state IN ('RESERVED', 'SENT', 'UNKNOWN')
  AND NOT EXISTS (SELECT FROM switch.restore_line AS l WHERE l.uetr = o.uetr) -- two people decide about those
