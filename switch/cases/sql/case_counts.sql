-- case_counts: open cases of every kind, those without an owner, those after their deadline, and the oldest age.
--   $1 kinds
SELECT k.kind, count(c.number) AS n, count(c.number) FILTER (WHERE c.owner IS NULL) AS untaken,
       count(c.number) FILTER (WHERE c.due_at <= clock_timestamp()) AS overdue,
       coalesce(extract(epoch FROM clock_timestamp() - min(c.since)), 0)::float8 AS age_s
FROM unnest($1::text[]) AS k (kind)
LEFT JOIN switch.case_file AS c ON c.kind = k.kind AND c.closed_at IS NULL
GROUP BY 1
