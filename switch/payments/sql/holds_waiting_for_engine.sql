-- holds_waiting_for_engine: payments that are held only because the outside screening engine did not answer.
--   $1 number of a hold: those after it come first  $2 limit
SELECT h.*, false AS expired
FROM switch.screening_hold AS h
WHERE h.ended_at IS NULL AND h.hit_count = 0 AND h.decision IS NULL AND h.expires_at > clock_timestamp()
ORDER BY h.number <= $1::bigint, h.number LIMIT $2::bigint
