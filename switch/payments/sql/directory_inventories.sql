-- directory_inventories: what is left of the inventory of each offer that has one, as a part of the directory.
SELECT coalesce(jsonb_agg(jsonb_build_object(
    'offer', o.number, 'minor', o.inventory_minor - o.used_minor - coalesce(p.minor, 0)
) ORDER BY o.number), '[]')
  FROM switch.fx_offer AS o
  LEFT JOIN (
      SELECT q.fx_provider, coalesce(q.crossing ->> 0, q.debit_currency) AS source, q.credit_currency,
             sum(q.credit_minor)::bigint AS minor
        FROM switch.quote AS q
       WHERE q.expires_at > clock_timestamp() AND q.fx_provider <> ''
         AND NOT EXISTS (SELECT FROM switch.quote_use AS u WHERE u.quote = q.id)
       GROUP BY 1, 2, 3
  ) AS p ON p.fx_provider = o.provider AND p.source = o.source AND p.credit_currency = o.target
 WHERE o.inventory_minor IS NOT NULL AND o.valid_until > clock_timestamp()
