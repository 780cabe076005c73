-- creditor_agents: the creditor agent of each payment, and what bounds its return, found by the ledger's index of ids.
--   $1 UETRs
SELECT t.id AS uetr, p.creditor_agent, p.fx_provider, p.debit_minor, p.debit_currency, p.credit_minor,
       p.credit_currency, p.rate, r.number IS NOT NULL AS posted, e.at AS credited_at,
       EXISTS (SELECT FROM ledger.transfer AS c WHERE c.corrects = t.number) AS returned,
       CASE WHEN a.status <> 'active' THEN NULL
            WHEN o.published_at > f.valid_from THEN o.rate
            WHEN f.provider = p.fx_provider THEN f.rate::text
            ELSE o.rate
       END AS rate_in_force,
       (SELECT coalesce(sum(x.credit_minor), 0)::bigint FROM switch.part_return AS x WHERE x.payment = p.number) AS parts_minor,
       (SELECT coalesce(json_agg(json_build_array(
                   source, target, country, blocked, lowest, highest, coalesce((extract(epoch FROM valid_until) * 1000000)::bigint, 0), change
               )), '[]')::text
          FROM switch.pair_control
         WHERE (source, target) IN ((p.debit_currency::char(3), p.credit_currency::char(3)), (p.credit_currency::char(3), p.debit_currency::char(3)))
       ) AS controls, -- as read_pair_controls
       (SELECT count(*) - 1 FROM ledger.leg AS l WHERE l.number = p.number AND l.purpose = 'conversion') AS providers
FROM ledger.transfer AS t
JOIN switch.payment AS p ON p.number = t.number
LEFT JOIN ledger.resolution AS r ON r.number = t.number AND r.outcome = 'posted'
LEFT JOIN ledger.event AS e ON e.seq = r.seq
LEFT JOIN switch.participant AS a ON a.id = p.fx_provider
LEFT JOIN LATERAL (
    SELECT provider, rate, valid_from FROM switch.fx_rate
    WHERE source = p.debit_currency::char(3) AND target = p.credit_currency::char(3)
      AND valid_from <= clock_timestamp()
    ORDER BY valid_from DESC LIMIT 1
) AS f ON p.fx_provider <> ''
LEFT JOIN LATERAL ( -- the provider's own offer for the amount
    SELECT x.published_at, (
        SELECT t ->> 1 FROM jsonb_array_elements(x.tiers) AS t
         WHERE (t ->> 0)::bigint <= p.debit_minor AND x.valid_until > clock_timestamp()
         ORDER BY (t ->> 0)::bigint DESC LIMIT 1
    ) AS rate
      FROM switch.fx_offer AS x
     WHERE x.provider = p.fx_provider AND x.source = p.debit_currency::char(3) AND x.target = p.credit_currency::char(3)
) AS o ON p.fx_provider <> ''
WHERE t.id = ANY($1::uuid[])
