-- read_pair_controls: what central banks decided on pairs of currencies; microseconds, 0 is without an end.
SELECT source::text, target::text, country::text, blocked, lowest, highest,
       coalesce((extract(epoch FROM valid_until) * 1000000)::bigint, 0) AS until, change
FROM switch.pair_control
