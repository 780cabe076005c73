-- escalate_cases: tell the next role of open cases that nobody has taken.
--   $1 seconds for each role  $2 roles beside the first
UPDATE switch.case_file SET level = level + 1
WHERE closed_at IS NULL AND owner IS NULL AND level < $2
  AND opened_at + (level + 1) * $1::float8 * interval '1 second' <= clock_timestamp()
RETURNING number, level
