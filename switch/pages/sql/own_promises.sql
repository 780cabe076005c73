-- own_promises: what open quotes hold of an FX provider, by pair, and when the last of them ends.
--   $1 provider
SELECT q.debit_currency AS source, q.credit_currency AS target, count(*) AS quotes,
       sum(q.credit_minor)::bigint AS credit_minor, max(q.expires_at) AS ends
  FROM switch.quote AS q
 WHERE q.fx_provider = $1 AND q.expires_at > clock_timestamp()
   AND NOT EXISTS (SELECT FROM switch.quote_use AS u WHERE u.quote = q.id)
 GROUP BY 1, 2 ORDER BY 1, 2
