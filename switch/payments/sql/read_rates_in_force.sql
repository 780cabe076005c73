-- read_rates_in_force: the rate in force of each pair of currencies, as text, and who provides it.
SELECT DISTINCT ON (source, target) source::text, target::text, provider, rate::text
FROM switch.fx_rate
WHERE valid_from <= clock_timestamp()
ORDER BY source, target, valid_from DESC
