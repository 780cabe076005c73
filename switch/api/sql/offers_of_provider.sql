-- offers_of_provider: the offers of an FX provider, and what open quotes promise of each pair.
--   $1 provider
SELECT o.source::text, o.target::text, o.tiers::text, o.valid_until, o.published_at, o.inventory_minor, o.used_minor,
       o.improvements::text,
       coalesce((
           SELECT sum(q.credit_minor) FROM switch.quote AS q
            WHERE q.expires_at > clock_timestamp() AND q.fx_provider = o.provider
              AND coalesce(q.crossing ->> 0, q.debit_currency) = o.source::text AND q.credit_currency = o.target::text
              AND NOT EXISTS (SELECT FROM switch.quote_use AS u WHERE u.quote = q.id)
       ), 0)::bigint AS promised_minor
FROM switch.fx_offer AS o WHERE o.provider = $1 ORDER BY o.source, o.target
