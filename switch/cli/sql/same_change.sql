-- same_change: a change of the same kind and content that is requested, approved or executed.
--   $1 kind  $2 content  $3 a field that may differ; empty: none
SELECT max(number) FROM switch.change
WHERE kind = $1 AND state IN ('requested', 'approved', 'executed') AND content::jsonb - $3 = $2::jsonb - $3
