-- liquidity_facts: what a part of the log adds to the facts of liquidity, by hour and by day.
--   $1 after this event  $2 up to this event  $3 only events from this instant on
--   $4 accounts whose state before is known  $5 their exposures  $6 their caps, null for none
--   $7 accounts that were opened by this event and have no known state are left out
-- Exposure is what a cap must cover, as in reports/sql/liquidity_steps.sql: it rises when money is reserved, and falls
-- when a reservation is voided or a credit posted. The headroom is the cap less the exposure. The least headroom of an
-- hour counts also what was there before the first change in it.
WITH state AS (
    SELECT * FROM unnest($4::bigint[], $5::bigint[], $6::bigint[]) AS s (account, exposure, cap)
), chosen AS (
    SELECT a.number AS account, a.owner, a.currency::text AS currency, a.purpose,
           coalesce(state.exposure, 0) AS exposure, state.cap
      FROM ledger.account AS a
      LEFT JOIN state ON state.account = a.number
     WHERE a.purpose IN ('position', 'gross') AND a.number <= $2
       AND (state.account IS NOT NULL OR a.number > $7)
), touched AS MATERIALIZED (
    SELECT e.seq, e.at, get_byte(e.change, 0) AS tag, leg.debit, leg.credit, leg.amount
      FROM ledger.event AS e
      JOIN ledger.leg ON leg.number = e.number
     WHERE e.seq > $1 AND e.seq <= $2 AND e.at >= $3
       AND e.change <> ''
       AND get_byte(e.change, 0) IN (ascii('R'), ascii('P'), ascii('V'), ascii('M'), ascii('C'))
), step AS (
    SELECT seq, at, account, sum(change)::bigint AS change, NULL::bigint AS cap, false AS sets_cap
      FROM (SELECT seq, at, debit AS account, CASE tag WHEN ascii('V') THEN -amount ELSE amount END AS change
              FROM touched WHERE tag <> ascii('P')
             UNION ALL
            SELECT seq, at, credit, -amount FROM touched WHERE tag IN (ascii('P'), ascii('M'), ascii('C'))) AS t
     GROUP BY seq, at, account
     UNION ALL
    -- The cap is the end of the change, 8 bytes, all ones for none; see ledger/encoding.py.
    SELECT seq, at, number, 0, nullif(('x' || encode(substr(change, length(change) - 7), 'hex'))::bit(64)::bigint, -1), true
      FROM ledger.event
     WHERE seq > $1 AND seq <= $2 AND at >= $3
       AND change <> '' AND get_byte(change, 0) IN (ascii('A'), ascii('L'))
), course AS (
    SELECT step.seq, step.at, account, owner, currency, purpose,
           chosen.cap - chosen.exposure AS known_before,
           (chosen.exposure + sum(step.change) OVER w)::bigint AS exposure,
           max(ARRAY[step.seq, step.cap]) FILTER (WHERE sets_cap) OVER w AS newest_cap, chosen.cap AS cap_before
      FROM step JOIN chosen USING (account)
    WINDOW w AS (PARTITION BY account ORDER BY step.seq)
), capped AS (
    SELECT seq, at, account, owner, currency, purpose, known_before, exposure,
           CASE WHEN newest_cap IS NULL THEN cap_before ELSE newest_cap[2] END AS cap
      FROM course
), lowest AS (
    SELECT capped.*,
           least(cap - exposure, CASE WHEN row_number() OVER w = 1 THEN known_before ELSE lag(cap - exposure) OVER w END) AS least
      FROM capped
    WINDOW w AS (PARTITION BY account ORDER BY seq)
), hourly AS ( -- arrays compare element by element, and what is null comes last
    SELECT date_trunc('hour', at, 'UTC') AS at, account, owner, currency, purpose,
           min(ARRAY[least, seq, (extract(epoch FROM at) * 1000000)::bigint]) AS low,
           max(ARRAY[seq, exposure, cap]) AS last
      FROM lowest
     GROUP BY 1, 2, 3, 4, 5
)
SELECT span, date_trunc(span, at, 'UTC') AS at, account, owner, currency, purpose,
       (min(low))[1] AS least, timestamptz 'epoch' + (min(low))[3] * interval '1 microsecond' AS least_at,
       (max(last))[2] AS exposure, (max(last))[3] AS cap
  FROM hourly
 CROSS JOIN (VALUES ('hour'), ('day')) AS s (span)
 GROUP BY 1, 2, 3, 4, 5, 6
