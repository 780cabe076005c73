-- read_fixings: the fixings that may be in force soon or have just ended, with their instants in microseconds.
SELECT source::text, target::text, provider, rate::text,
       (extract(epoch FROM valid_from) * 1000000)::bigint AS since,
       (extract(epoch FROM valid_until) * 1000000)::bigint AS until
  FROM switch.fx_fixing
 WHERE valid_until > clock_timestamp() - interval '1 minute'
