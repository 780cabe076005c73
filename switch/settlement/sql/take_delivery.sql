-- take_delivery: mark a due instruction as sent, if it was not yet, and schedule its next enquiry; return it.
--   $1 window  $2 delay until the next enquiry, seconds
-- Only one of two processes gets the row: the other finds that it is no longer due.
UPDATE switch.settlement_delivery AS d
SET state = CASE d.state WHEN 'DUE' THEN 'SENT' ELSE d.state END,
    due_at = clock_timestamp() + make_interval(secs => $2)
FROM switch.settlement AS s
JOIN switch.settlement_instruction AS i USING (settlement_window)
JOIN switch.settlement_delivery AS before USING (settlement_window)
WHERE d.settlement_window = $1 AND s.settlement_window = $1
  AND d.due_at <= clock_timestamp() AND s.state = 'SETTLING'
RETURNING before.state AS was, d.enquiries, d.door, s.message_id, s.agent, i.body
