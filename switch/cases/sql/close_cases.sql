-- close_cases: close each case whose subject has ended.
UPDATE switch.case_file AS c SET closed_at = clock_timestamp()
WHERE c.closed_at IS NULL AND NOT EXISTS (SELECT FROM ({subjects}) AS s WHERE s.subject = c.subject)
RETURNING number, kind
