-- payment_file_queues: files of payments that have not ended, by state, and the age of the oldest.
SELECT s.state, count(f.number) AS n,
       coalesce(extract(epoch FROM clock_timestamp() - min(f.received_at)), 0)::float8 AS age_s
FROM (VALUES ('received'), ('sending')) AS s (state)
LEFT JOIN switch.payment_file AS f ON f.state = s.state AND f.state IN ('received', 'sending')
GROUP BY s.state
