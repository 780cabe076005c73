-- rates_set: of rates that people set for a provider's pair, since when the newest one of the pair is in force. A fixing is
-- older than any offer: it counts only where there is none.
--   $1 providers  $2 source currencies  $3 target currencies  $4 rates
WITH wanted AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS w (provider, source, target, rate)
), known AS (
    SELECT w.provider, w.source, w.target, w.rate, max(r.valid_from) AS since
    FROM wanted AS w
    JOIN switch.fx_rate AS r ON r.source = w.source AND r.target = w.target AND r.provider = w.provider
                            AND r.valid_from <= clock_timestamp()
    GROUP BY w.provider, w.source, w.target, w.rate
    HAVING bool_or(r.rate = w.rate::numeric)
    UNION ALL
    SELECT w.provider, w.source, w.target, w.rate, to_timestamp(0)
    FROM wanted AS w
    JOIN switch.fx_fixing AS f ON f.source = w.source AND f.target = w.target AND f.provider = w.provider
                              AND f.rate = w.rate::numeric AND f.valid_until > clock_timestamp() - interval '1 minute'
)
SELECT provider, source, target, rate, max(since) AS since FROM known GROUP BY provider, source, target, rate
