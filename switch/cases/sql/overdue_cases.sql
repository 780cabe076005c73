-- overdue_cases: open cases whose deadline is over, once each.
UPDATE switch.case_file SET overdue = true
WHERE closed_at IS NULL AND due_at <= clock_timestamp() AND NOT overdue
RETURNING number, owner, level
