-- corridors: payments accepted in a period, by corridor: how many, how much, how it ended, how fast.
--   $1 after this event  $2 up to this event  $3 outcomes as after this event  $4 owners, or null for all
-- A payment's number is the sequence number of the event that accepted it. One that was refused has no native_ref.
WITH accepted AS (
    SELECT seq, at FROM ledger.event WHERE seq > $1 AND seq <= $2
), resolved AS (
    SELECT number, seq, outcome FROM ledger.resolution WHERE number > $1 AND number <= $2 AND seq <= $3
), ended AS (
    SELECT seq, at FROM ledger.event WHERE seq > $1 AND seq <= $3
), timed AS (
    SELECT p.debtor_agent, p.creditor_agent, p.sender, p.debit_currency, p.credit_currency,
           p.native_ref = '' AS refused, resolved.outcome,
           p.debit_minor, p.credit_minor, p.fee_minor,
           (extract(epoch FROM ended.at - accepted.at) * 1000000)::bigint AS micros
      FROM switch.payment AS p
      JOIN accepted ON accepted.seq = p.number
      LEFT JOIN resolved ON resolved.number = p.number
      LEFT JOIN ended ON ended.seq = resolved.seq
     WHERE p.number > $1 AND p.number <= $2
       AND ($4::text[] IS NULL OR p.debtor_agent = ANY ($4) OR p.creditor_agent = ANY ($4)
            OR p.sender = ANY ($4))
)
SELECT coalesce(source.country, sends.country, '') AS source,
       coalesce(target.country, '') AS target,
       t.debit_currency, t.credit_currency,
       count(*) AS payments,
       count(*) FILTER (WHERE t.outcome = 'posted') AS committed,
       count(*) FILTER (WHERE t.refused) AS refused,
       count(*) FILTER (WHERE t.outcome = 'voided') AS rejected,
       count(*) FILTER (WHERE NOT t.refused AND t.outcome IS NULL) AS open,
       coalesce(sum(t.debit_minor) FILTER (WHERE t.outcome = 'posted'), 0)::bigint AS debit_minor,
       coalesce(sum(t.credit_minor) FILTER (WHERE t.outcome = 'posted'), 0)::bigint AS credit_minor,
       coalesce(sum(t.fee_minor) FILTER (WHERE t.outcome = 'posted'), 0)::bigint AS fee_minor,
       count(*) FILTER (WHERE t.outcome = 'posted' AND t.micros < 10000000) AS within_10_s,
       count(*) FILTER (WHERE t.outcome = 'posted' AND t.micros < 60000000) AS within_60_s,
       count(*) FILTER (WHERE t.outcome = 'posted' AND t.micros < 3600000000) AS within_1_h,
       percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY t.micros)
           FILTER (WHERE t.outcome = 'posted') AS percentiles,
       count(DISTINCT t.debtor_agent) FILTER (WHERE t.outcome = 'posted') AS debtor_agents,
       count(DISTINCT t.creditor_agent) FILTER (WHERE t.outcome = 'posted') AS creditor_agents
  FROM timed AS t
  LEFT JOIN switch.participant AS source ON source.id = t.debtor_agent
  LEFT JOIN switch.participant AS target ON target.id = t.creditor_agent
  LEFT JOIN switch.participant AS sends ON sends.id = t.sender
 GROUP BY 1, 2, 3, 4
 ORDER BY 1, 2, 3, 4;
