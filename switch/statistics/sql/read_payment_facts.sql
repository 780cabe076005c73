-- read_payment_facts: sums of the facts of payments by what is asked, in the order of their keys.
--   $1 span  $2 from  $3 before  $4 owners, or null for all  $5 rail, or null for all  $6 source, or null for all
--   $7 target, or null for all  $8 what to group by: time, corridor, rail, participant  $9 step of time
--   $10 after this key  $11 at most so many
WITH grouped AS (
    SELECT CASE WHEN 'time' = ANY ($8::text[]) THEN date_trunc($9, f.at, 'UTC') END AS at,
           CASE WHEN 'corridor' = ANY ($8) THEN coalesce(source.country, sends.country, '')::text ELSE '' END AS source,
           CASE WHEN 'corridor' = ANY ($8) THEN coalesce(target.country, '')::text ELSE '' END AS target,
           CASE WHEN 'rail' = ANY ($8) THEN f.rail ELSE '' END AS rail,
           CASE WHEN 'participant' = ANY ($8) THEN f.debtor_agent ELSE '' END AS participant,
           f.debit_currency,
           CASE WHEN 'corridor' = ANY ($8) THEN f.credit_currency ELSE '' END AS credit_currency,
           sum(f.payments)::bigint AS payments,
           coalesce(sum(f.payments) FILTER (WHERE f.outcome = 'committed'), 0)::bigint AS committed,
           coalesce(sum(f.payments) FILTER (WHERE f.outcome = 'rejected'), 0)::bigint AS rejected,
           coalesce(sum(f.payments) FILTER (WHERE f.outcome = 'refused'), 0)::bigint AS refused,
           sum(f.returned)::bigint AS returned,
           sum(f.debit_minor) AS debit_minor, sum(f.credit_minor) AS credit_minor, sum(f.fee_minor) AS fee_minor,
           sum(f.returned_minor) AS returned_minor,
           sum(f.within_10_s)::bigint AS under_10_s, sum(f.within_60_s)::bigint AS under_60_s,
           sum(f.within_1_h)::bigint AS under_1_h,
           sum(f.priced)::bigint AS priced, sum(f.priced_minor) AS priced_minor, sum(f.cost_micros) AS cost_micros,
           sum(f.within_3)::bigint AS up_to_3, sum(f.within_5)::bigint AS up_to_5
      FROM switch.payment_fact AS f
      LEFT JOIN switch.participant AS source ON source.id = f.debtor_agent
      LEFT JOIN switch.participant AS target ON target.id = f.creditor_agent
      LEFT JOIN switch.participant AS sends ON sends.id = f.sender
     WHERE f.span = $1 AND f.at >= $2 AND f.at < $3
       AND ($4::text[] IS NULL OR f.debtor_agent = ANY ($4) OR f.sender = ANY ($4)
            OR (f.creditor_agent = ANY ($4) AND f.outcome <> 'refused'))
       AND ($5::text IS NULL OR f.rail = $5)
       AND ($6::text IS NULL OR coalesce(source.country, sends.country) = $6)
       AND ($7::text IS NULL OR target.country = $7)
     GROUP BY 1, 2, 3, 4, 5, 6, 7
), keyed AS (
    SELECT grouped.*, concat_ws('/', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI"Z"'), source, target, rail,
                                participant, debit_currency, credit_currency) COLLATE "C" AS key
      FROM grouped
)
SELECT * FROM keyed WHERE key > $10 ORDER BY key LIMIT $11
