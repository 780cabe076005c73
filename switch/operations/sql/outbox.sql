-- outbox: number of entries of each queue of the outbox, and the age of the oldest.
SELECT 'audit_note' AS topic, count(*) AS n,
       coalesce(extract(epoch FROM clock_timestamp() - min(at)), 0)::float8 AS age
FROM switch.audit_note WHERE seq IS NULL
UNION ALL
SELECT 'webhook', d.n, coalesce(extract(epoch FROM clock_timestamp() - (
           SELECT at FROM ledger.event WHERE seq = d.first)), 0)::float8
FROM (SELECT count(*) AS n, min(d.seq) AS first
      FROM switch.webhook_delivery AS d JOIN switch.webhook AS w ON w.id = d.webhook
      WHERE d.due_at IS NOT NULL AND d.seq > 0 AND w.disabled = '') AS d
UNION ALL
SELECT 'notice', count(*), coalesce(extract(epoch FROM clock_timestamp() - min(made_at)), 0)::float8
FROM switch.case_notice WHERE due_at IS NOT NULL AND channel <> 'browser'
UNION ALL
SELECT 'correspondence', count(*), coalesce(extract(epoch FROM clock_timestamp() - min(at)), 0)::float8
FROM (SELECT at, made FROM switch.correspondence ORDER BY seq DESC LIMIT 1000) AS newest
WHERE made >= pg_snapshot_xmin(pg_current_snapshot()) -- its receiver cannot see it yet
