-- rates_in_force: the rate of every pair in force at an instant.
--   $1 instant, or none for now
SELECT DISTINCT ON (source, target) source::text, target::text, rate::text FROM switch.fx_rate
WHERE valid_from <= greatest(clock_timestamp(), $1) ORDER BY source, target, valid_from DESC
