-- due_deliveries: windows with an instruction whose delivery or enquiry is due.
SELECT d.settlement_window
FROM switch.settlement_delivery AS d JOIN switch.settlement AS s USING (settlement_window)
WHERE s.state = 'SETTLING' AND d.due_at <= clock_timestamp() ORDER BY d.due_at
