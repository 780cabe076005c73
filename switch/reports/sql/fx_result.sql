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
), dealt AS (
    SELECT p.fx_provider AS provider, moved.day, p.debit_currency AS source, p.credit_currency AS target,
           count(*) FILTER (WHERE NOT returns) AS payments,
           count(*) FILTER (WHERE returns) AS returns,
           sum(CASE WHEN returns THEN -p.debit_minor ELSE p.debit_minor END)::bigint AS bought_minor,
           sum(CASE WHEN returns THEN -p.credit_minor ELSE p.credit_minor END)::bigint AS sold_minor
      FROM moved
      JOIN switch.payment AS p ON p.number = moved.payment
     WHERE p.fx_provider <> ''
       AND ($3::text[] IS NULL OR p.fx_provider = ANY ($3))
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
