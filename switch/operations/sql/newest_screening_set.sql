-- newest_screening_set: the set of lists that was set last, which is in force or soon will be.
SELECT number, lists, threshold, in_force_from, in_force_from <= clock_timestamp() AS in_force
FROM switch.screening_set ORDER BY in_force_from DESC, number DESC LIMIT 1
