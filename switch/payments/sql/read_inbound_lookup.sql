-- read_inbound_lookup: what is promised to a look-up of a rail; `quote` is NULL if nothing is.
--   $1 id
SELECT l.decided_at IS NOT NULL AS decided, q.id AS quote, q.credit_minor, q.credit_currency, q.rate, q.expires_at
FROM switch.inbound_lookup AS l LEFT JOIN switch.quote AS q ON q.id = l.quote
WHERE l.id = $1
