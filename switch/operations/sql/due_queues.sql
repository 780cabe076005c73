-- due_queues: number of due payments and of approved changes, and the age of the oldest.
SELECT 'due_payment' AS topic, count(*) AS n,
       coalesce(extract(epoch FROM clock_timestamp() - min(due_at)), 0)::float8 AS age
FROM switch.open_payment WHERE due_at <= clock_timestamp()
UNION ALL
SELECT 'approved_change', count(*),
       coalesce(extract(epoch FROM clock_timestamp() - min(requested_at)), 0)::float8
FROM switch.change WHERE state = 'approved'
