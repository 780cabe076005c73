-- corridors: payments accepted in a period, by corridor: number, value, outcome, speed.
--   $1 after this event  $2 up to this event  $3 outcomes as after this event  $4 owners, or null for all
-- A payment that was returned later counts both as committed and as returned; the amount is of parts, too.
-- A payment's number is the sequence number of the event that accepted it. A refused one has no native_ref.
-- Grouped by pairs of agents first, in parallel and by hash; only times are sorted, as numbers.
WITH accepted AS (
    SELECT seq, at FROM ledger.event WHERE seq > $1 AND seq <= $2
), resolved AS (
    SELECT number, seq, outcome FROM ledger.resolution WHERE number > $1 AND number <= $2 AND seq <= $3
), ended AS (
    SELECT seq, at FROM ledger.event WHERE seq > $1 AND seq <= $3
), given_back AS (
    SELECT payment AS number, sum(debit_minor) AS minor, bool_or(whole) AS whole
      FROM switch.payment_return WHERE payment > $1 AND payment <= $2 AND number <= $3 GROUP BY payment
), timed AS (
    SELECT p.debtor_agent, p.creditor_agent, p.sender, p.debit_currency, p.credit_currency,
           p.native_ref = '' AS refused, resolved.outcome,
           p.debit_minor, p.credit_minor, p.fee_minor, coalesce(given_back.whole, false) AS returned, given_back.minor AS back_minor,
           (extract(epoch FROM ended.at - accepted.at) * 1000000)::bigint AS micros
      FROM switch.payment AS p
      JOIN accepted ON accepted.seq = p.number
      LEFT JOIN resolved ON resolved.number = p.number
      LEFT JOIN ended ON ended.seq = resolved.seq
      LEFT JOIN given_back ON given_back.number = p.number
     WHERE p.number > $1 AND p.number <= $2
       AND ($4::text[] IS NULL OR p.debtor_agent = ANY ($4) OR p.sender = ANY ($4)
            OR (p.creditor_agent = ANY ($4) AND p.native_ref <> ''))
), paired AS (
    SELECT t.debtor_agent, t.creditor_agent, t.sender,
           t.debit_currency, t.credit_currency,
           count(*) AS payments,
           count(*) FILTER (WHERE t.outcome = 'posted') AS committed,
           count(*) FILTER (WHERE t.refused) AS refused,
           count(*) FILTER (WHERE t.outcome = 'voided') AS rejected,
           count(*) FILTER (WHERE NOT t.refused AND t.outcome IS NULL) AS open,
           count(*) FILTER (WHERE t.returned) AS returned,
           sum(t.back_minor) AS returned_minor,
           sum(t.debit_minor) FILTER (WHERE t.outcome = 'posted') AS debit_minor,
           sum(t.credit_minor) FILTER (WHERE t.outcome = 'posted') AS credit_minor,
           sum(t.fee_minor) FILTER (WHERE t.outcome = 'posted') AS fee_minor,
           count(*) FILTER (WHERE t.outcome = 'posted' AND t.micros < 10000000) AS within_10_s,
           count(*) FILTER (WHERE t.outcome = 'posted' AND t.micros < 60000000) AS within_60_s,
           count(*) FILTER (WHERE t.outcome = 'posted' AND t.micros < 3600000000) AS within_1_h,
           array_agg(t.micros) FILTER (WHERE t.outcome = 'posted') AS times
      FROM timed AS t
     GROUP BY 1, 2, 3, 4, 5
), named AS (
    SELECT coalesce(source.country, sends.country, '') AS source, coalesce(target.country, '') AS target, paired.*
      FROM paired
      LEFT JOIN switch.participant AS source ON source.id = paired.debtor_agent
      LEFT JOIN switch.participant AS target ON target.id = paired.creditor_agent
      LEFT JOIN switch.participant AS sends ON sends.id = paired.sender
)
SELECT source, target, debit_currency, credit_currency,
       sum(payments)::bigint AS payments,
       sum(committed)::bigint AS committed,
       sum(refused)::bigint AS refused,
       sum(rejected)::bigint AS rejected,
       sum(open)::bigint AS open,
       sum(returned)::bigint AS returned,
       coalesce(sum(returned_minor), 0)::bigint AS returned_minor,
       coalesce(sum(debit_minor), 0)::bigint AS debit_minor,
       coalesce(sum(credit_minor), 0)::bigint AS credit_minor,
       coalesce(sum(fee_minor), 0)::bigint AS fee_minor,
       sum(within_10_s)::bigint AS within_10_s,
       sum(within_60_s)::bigint AS within_60_s,
       sum(within_1_h)::bigint AS within_1_h,
       (SELECT percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY micros)
          FROM named AS n CROSS JOIN LATERAL unnest(n.times) AS micros
         WHERE (n.source, n.target, n.debit_currency, n.credit_currency)
             = (named.source, named.target, named.debit_currency, named.credit_currency)) AS percentiles,
       count(DISTINCT debtor_agent) FILTER (WHERE committed > 0) AS debtor_agents,
       count(DISTINCT creditor_agent) FILTER (WHERE committed > 0) AS creditor_agents
  FROM named
 GROUP BY 1, 2, 3, 4
 ORDER BY 1, 2, 3, 4;
