-- unasked_settlements: closed windows of which no request to confirm the positions awaits votes, oldest first.
--   $1 limit
SELECT s.settlement_window AS window, s.currency::text AS currency, s.positions_sha256
FROM switch.settlement AS s
WHERE s.state = 'CLOSED'
  AND NOT EXISTS (SELECT FROM switch.change AS c
                   WHERE c.kind = 'settlement.confirm' AND c.state = 'requested'
                     AND (c.content::jsonb ->> 'window')::bigint = s.settlement_window)
ORDER BY s.settlement_window LIMIT $1
