-- record_exchange: record the result of an exchange with the agent, and when the next one is due.
--   $1 window  $2 state  $3 number of enquiries  $4 detail  $5 delay, seconds; null for none
UPDATE switch.settlement_delivery SET state = $2, enquiries = $3, detail = $4,
    due_at = clock_timestamp() + make_interval(secs => $5)
WHERE settlement_window = $1 AND state <> 'DUE'
