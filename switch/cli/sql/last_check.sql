-- last_check: age of the last check of the invariants, in seconds, and its faults.
SELECT extract(epoch FROM clock_timestamp() - at)::float8 AS age, faults::text FROM switch.invariant_look
