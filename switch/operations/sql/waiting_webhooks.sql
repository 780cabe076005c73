-- waiting_webhooks: webhooks with waiting deliveries, and disabled ones.
--   $1 limit
SELECT w.participant, w.url, w.disabled, count(d.seq) AS waiting, coalesce(max(d.attempts), 0) AS attempts,
       coalesce(extract(epoch FROM clock_timestamp() - min(d.due_at)), 0)::float8 AS late_s
FROM switch.webhook AS w
LEFT JOIN switch.webhook_delivery AS d ON d.webhook = w.id AND d.due_at IS NOT NULL
GROUP BY w.id HAVING count(d.seq) > 0 OR w.disabled <> '' ORDER BY w.participant, w.created_at LIMIT $1
