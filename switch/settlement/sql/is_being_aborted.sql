-- is_being_aborted: whether two people have approved the abort of a settlement.
--   $1 window
-- A crash delays the abort, and some of the money may be released already.
SELECT true FROM switch.change
WHERE kind = 'settlement.abort' AND state = 'approved' AND (content::jsonb -> 'window')::bigint = $1
