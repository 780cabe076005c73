-- inbound_queues: what is open about the orders of each rail whose orders are taken, and the age of the oldest.
-- undecided: nobody can tell the rail the outcome yet; unacknowledged: the rail has not acknowledged the answer;
-- owed: the rail and the books say different things, and two people have not settled it.
WITH waiting AS (
    SELECT rail, CASE WHEN answer IS NULL THEN 'undecided' ELSE 'unacknowledged' END AS state,
           CASE WHEN answer IS NULL THEN received_at ELSE decided_at END AS since
    FROM switch.inbound_order WHERE due_at IS NOT NULL
    UNION ALL
    SELECT rail, 'owed', coalesce(told_at, decided_at, received_at)
    FROM switch.inbound_order WHERE disputed <> '' AND settled IS NULL
)
SELECT r.rail::text, s.state, count(w.state) AS n,
       coalesce(extract(epoch FROM clock_timestamp() - min(w.since)), 0)::float8 AS age_s
FROM switch.rail_inbound AS r
CROSS JOIN (VALUES ('undecided'), ('unacknowledged'), ('owed')) AS s (state)
LEFT JOIN waiting AS w ON w.rail = r.rail AND w.state = s.state
GROUP BY r.rail, s.state
