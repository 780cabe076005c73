-- differences: reconciliation breaks between a rail's file and our books. $1 rail, $2 cycle, $3 and $7 first and last
-- number of payments that the cycle can have, $4 whether it has ended, $5 and $6 first and last number of the day before,
-- $8 and $9 the currency of the rail and its decimals.
-- Only payments that are final on both sides are compared.
WITH ours AS (
    SELECT p.number, p.uetr, p.native_ref, p.credit_minor, r.outcome
      FROM switch.payment AS p
      LEFT JOIN ledger.resolution AS r USING (number)
      LEFT JOIN switch.open_payment AS o USING (number)
     WHERE p.rail = $1 AND p.native_ref <> '' AND p.number BETWEEN $3 AND $7 AND o.number IS NULL
), open AS (
    SELECT p.native_ref FROM switch.open_payment AS o JOIN switch.payment AS p USING (number) WHERE o.rail = $1
), lines AS (
    SELECT l.* FROM switch.rail_cycle_line AS l WHERE l.rail = $1 AND l.cycle = $2::date
), found AS (
    SELECT l.ref, coalesce(ours.uetr, l.uetr) AS uetr,
           CASE
               WHEN l.done AND ours.number IS NULL THEN 'credited_unknown_here'
               WHEN l.done AND ours.outcome IS DISTINCT FROM 'posted' THEN 'credited_but_aborted'
               WHEN NOT l.done AND ours.outcome = 'posted' THEN 'refused_but_committed'
               WHEN l.done AND l.minor <> ours.credit_minor THEN 'another_amount'
           END AS kind,
           format('rail: %s %s; here: %s %s', CASE WHEN l.done THEN 'done' ELSE 'refused ' || l.code END,
                  round(l.minor / power(10::numeric, $9::int), $9::int) || ' ' || $8::text,
                  coalesce(ours.outcome, 'none'),
                  round(ours.credit_minor / power(10::numeric, $9::int), $9::int) || ' ' || $8::text) AS detail
      FROM lines AS l LEFT JOIN ours ON ours.native_ref = l.ref
     WHERE NOT EXISTS (SELECT FROM open WHERE open.native_ref = l.ref)
       AND NOT EXISTS (SELECT FROM switch.inbound_order AS i -- our refunds of orders, but for those that ended otherwise
                        WHERE i.rail = $1 AND i.refund_ref = l.ref AND i.refund_ref <> ''
                          AND (i.refund IN ('made', 'sent', 'done', 'given_back') OR (i.refund = 'unknown' AND i.settled IS NULL)))
       AND NOT EXISTS (SELECT FROM switch.part_refund AS r JOIN switch.inbound_order AS i ON i.rail = r.rail AND i.kind = 'order' AND i.ref = r.ref
                        WHERE r.rail = $1 AND r.refund_ref = l.ref AND r.refund_ref <> ''
                          AND (r.refund IN ('made', 'sent', 'done', 'given_back') OR (r.refund = 'unknown' AND r.part > i.part_settled)))
    UNION ALL
    -- Orders executed near midnight may be in the file before or after: none of the three files may have it.
    SELECT ours.native_ref, ours.uetr, 'missing_at_rail', 'committed by the switch, missing in the rail''s files'
      FROM ours
     WHERE $4::boolean AND ours.outcome = 'posted'
       AND EXISTS (SELECT FROM switch.rail_cycle AS c WHERE c.rail = $1 AND c.cycle = $2::date - 1)
       AND ours.number BETWEEN $5 AND $6
       AND NOT EXISTS (SELECT FROM switch.rail_cycle_line AS l
                        WHERE l.rail = $1 AND l.ref = ours.native_ref AND l.cycle BETWEEN $2::date - 2 AND $2::date)
)
SELECT ref, uetr, kind, detail FROM found WHERE kind IS NOT NULL
