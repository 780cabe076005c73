-- screening_decided_by: who decides about payments of a participant that screening holds; no row: operators.
--   $1 participant
SELECT decided_by FROM switch.screening_officers WHERE participant IN ($1, '*') ORDER BY participant = '*' LIMIT 1
