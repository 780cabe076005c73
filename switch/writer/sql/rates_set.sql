-- rates_set: of rates that people set for a provider's pair, since when the newest one of the pair is in force.
--   $1 providers  $2 source currencies  $3 target currencies  $4 rates
SELECT w.provider, w.source, w.target, w.rate, max(r.valid_from) AS since
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS w (provider, source, target, rate)
JOIN switch.fx_rate AS r ON r.source = w.source AND r.target = w.target AND r.provider = w.provider
                        AND r.valid_from <= clock_timestamp()
GROUP BY w.provider, w.source, w.target, w.rate
HAVING bool_or(r.rate = w.rate::numeric)
