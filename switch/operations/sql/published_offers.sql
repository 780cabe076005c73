-- published_offers: the offers of FX providers, each with the event that published it; without those of long ago.
SELECT o.provider, o.source::text, o.target::text, o.tiers::text, o.inventory_minor, o.number, o.improvements::text,
       (extract(epoch FROM o.valid_until) * 1000000)::bigint AS until, e.kind, e.at, e.body
  FROM switch.fx_offer AS o LEFT JOIN ledger.event AS e ON e.seq = o.number
 WHERE o.valid_until > clock_timestamp() - interval '1 day'
