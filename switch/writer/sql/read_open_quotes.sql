-- read_open_quotes: the quotes that no payment has used and that have not expired, each with the number of the hold that has it.
SELECT q.*, (
    SELECT w.number FROM switch.quote_wait AS w
    JOIN switch.screening_hold AS h ON h.number = w.number
    WHERE w.quote = q.id AND h.ended_at IS NULL
) AS waits
FROM switch.quote AS q
WHERE q.expires_at > clock_timestamp() AND NOT EXISTS (SELECT FROM switch.quote_use AS u WHERE u.quote = q.id)
ORDER BY q.expires_at
