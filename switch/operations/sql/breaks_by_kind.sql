-- breaks_by_kind: number of open breaks of every rail, by kind.
--   $1 kinds
SELECT r.country, k.kind, count(b.id) AS n
FROM switch.rail AS r CROSS JOIN unnest($1::text[]) AS k (kind)
LEFT JOIN switch.reconciliation_break AS b
       ON b.rail = r.country AND b.kind = k.kind AND b.resolved_at IS NULL
GROUP BY 1, 2
