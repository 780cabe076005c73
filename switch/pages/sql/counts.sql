-- counts: the figures of the overview.
--   $1 first payment of the last hour, minus one
SELECT (SELECT count(*) FROM switch.payment WHERE number > $1) AS last_hour,
       (SELECT count(*) FROM switch.payment WHERE number > $1 AND native_ref = '') AS refused,
       (SELECT count(*) FROM switch.open_payment) AS in_flight,
       (SELECT count(*) FROM switch.open_payment WHERE state = 'UNKNOWN') AS unknown,
       (SELECT coalesce(extract(epoch FROM clock_timestamp() - min(entered_at)), 0)::float8
          FROM switch.open_payment WHERE state = 'UNKNOWN') AS oldest_unknown_s,
       (SELECT count(*) FROM switch.open_payment WHERE state = 'RESERVED') AS held,
       (SELECT count(*) FROM switch.reconciliation_break WHERE resolved_at IS NULL) AS breaks,
       (SELECT count(*) FROM switch.change WHERE state = 'requested') AS waiting_changes,
       EXISTS (SELECT FROM switch.freeze) AS frozen, clock_timestamp() AS now
