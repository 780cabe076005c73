-- due_changes: undecided changes to expire.
SELECT number FROM switch.change
WHERE state = 'requested' AND expires_at <= clock_timestamp()
ORDER BY number
