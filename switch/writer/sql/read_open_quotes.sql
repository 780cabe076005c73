-- read_open_quotes: the quotes that no payment has used and that have not expired.
SELECT q.* FROM switch.quote AS q
WHERE q.expires_at > clock_timestamp() AND NOT EXISTS (SELECT FROM switch.quote_use AS u WHERE u.quote = q.id)
ORDER BY q.expires_at
