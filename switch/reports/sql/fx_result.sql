-- fx_result: what FX providers bought and sold in a period, by pair and day (UTC), and the rates that a day is compared with.
--   $1 after this event  $2 up to this event  $3 FX providers, or null for all
-- As statements of accounts, it follows the log: what is held or failed has no posting, and a return takes back.
WITH moved AS (
    SELECT coalesce(t.corrects, t.number) AS payment, t.corrects IS NOT NULL AS returns,
           (e.at AT TIME ZONE 'UTC')::date AS day
      FROM ledger.event AS e
      JOIN ledger.transfer AS t ON t.number = e.number
     WHERE e.seq > $1
       AND e.seq <= $2
       AND e.change <> ''
       AND get_byte(e.change, 0) IN (ascii('P'), ascii('C'))
), converted AS ( -- of a cross rate of two providers, the first one sold a third currency to the second one
    SELECT moved.day, moved.returns, deal.*
      FROM moved
      JOIN switch.payment AS p ON p.number = moved.payment
      LEFT JOIN LATERAL (
          SELECT seller.owner, seller.currency::text AS currency, l.amount
            FROM ledger.leg AS l
            JOIN ledger.account AS seller ON seller.number = l.debit
            JOIN ledger.account AS buyer ON buyer.number = l.credit
           WHERE l.number = p.number AND l.purpose = 'conversion' AND buyer.owner = p.fx_provider
             AND buyer.currency <> p.debit_currency::char(3)
      ) AS between ON true
     CROSS JOIN LATERAL (VALUES
          (p.fx_provider, coalesce(between.currency, p.debit_currency), p.credit_currency,
           coalesce(between.amount, p.debit_minor), p.credit_minor),
          (between.owner, p.debit_currency, between.currency, p.debit_minor, between.amount)
      ) AS deal (provider, source, target, bought_minor, sold_minor)
     WHERE p.fx_provider <> '' AND deal.provider IS NOT NULL
    UNION ALL -- parts, and what was returned at the rate in force: what they moved between the same two currencies
    SELECT (e.at AT TIME ZONE 'UTC')::date, true, first.owner, first.currency::text, second.currency::text, paid.amount, got.amount
      FROM switch.part_return AS x
      JOIN switch.payment AS p ON p.number = x.payment AND p.fx_provider <> ''
      JOIN ledger.event AS e ON e.seq = x.number
      JOIN ledger.leg AS got ON got.number = x.number
      JOIN ledger.leg AS paid ON paid.number = x.number AND paid.position = got.position + 1
      JOIN ledger.account AS second ON second.number = got.credit
      JOIN ledger.account AS first ON first.number = paid.debit AND first.owner = second.owner
     WHERE x.number > $1 AND x.number <= $2
), dealt AS (
    SELECT provider, day, source, target,
           count(*) FILTER (WHERE NOT returns) AS payments,
           count(*) FILTER (WHERE returns) AS returns,
           sum(CASE WHEN returns THEN -bought_minor ELSE bought_minor END)::bigint AS bought_minor,
           sum(CASE WHEN returns THEN -sold_minor ELSE sold_minor END)::bigint AS sold_minor
      FROM converted
     WHERE $3::text[] IS NULL OR provider = ANY ($3)
     GROUP BY 1, 2, 3, 4
)
SELECT dealt.*, fixing.rate AS fixing, closing.rate AS offer, set_rate.rate AS set_rate
  FROM dealt
  LEFT JOIN LATERAL (
      SELECT f.rate::text FROM switch.fx_fixing AS f
       WHERE f.source = dealt.source AND f.target = dealt.target
         AND f.valid_from < (dealt.day + 1)::timestamp AT TIME ZONE 'UTC'
         AND f.valid_until > dealt.day::timestamp AT TIME ZONE 'UTC'
       ORDER BY f.change DESC LIMIT 1
  ) AS fixing ON true
  LEFT JOIN LATERAL (
      SELECT CASE WHEN c.valid_until > dealt.day::timestamp AT TIME ZONE 'UTC' THEN c.rate END AS rate
        FROM switch.fx_closing_offer AS c
       WHERE c.provider = dealt.provider AND c.source = dealt.source AND c.target = dealt.target AND c.day <= dealt.day
       ORDER BY c.day DESC LIMIT 1
  ) AS closing ON true
  LEFT JOIN LATERAL (
      SELECT r.rate::text FROM switch.fx_rate AS r
       WHERE r.source = dealt.source AND r.target = dealt.target
         AND r.valid_from < (dealt.day + 1)::timestamp AT TIME ZONE 'UTC'
       ORDER BY r.valid_from DESC LIMIT 1
  ) AS set_rate ON true
 ORDER BY 1, 2, 3, 4
