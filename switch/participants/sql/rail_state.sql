-- rail_state: whether a rail is open, and when a closed one opens again.
--   $1 country
SELECT open OR coalesce(opens_at <= clock_timestamp(), false) AS open,
       CASE WHEN NOT open AND opens_at > clock_timestamp() THEN opens_at END AS opens_at
FROM switch.rail WHERE country = $1
