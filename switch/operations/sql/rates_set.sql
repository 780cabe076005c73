-- rates_set: every rate that people set for a pair, from when to when it counts, in microseconds.
SELECT provider, source::text, target::text, rate::text,
       (extract(epoch FROM valid_from) * 1000000)::bigint AS since,
       coalesce((extract(epoch FROM lead(valid_from) OVER (PARTITION BY source, target ORDER BY valid_from)) * 1000000)::bigint,
                9000000000000000) AS until
  FROM switch.fx_rate
UNION ALL
SELECT provider, source::text, target::text, rate::text,
       (extract(epoch FROM valid_from) * 1000000)::bigint, (extract(epoch FROM valid_until) * 1000000)::bigint
  FROM switch.fx_fixing
