-- newest_screening_engine: the outside engine that was set last, which is in force or soon will be.
SELECT number, form, address, threshold, within_ms, in_force_from, in_force_from <= clock_timestamp() AS in_force
FROM switch.screening_engine ORDER BY in_force_from DESC, number DESC LIMIT 1
