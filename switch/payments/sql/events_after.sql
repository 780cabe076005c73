-- events_after: events that a participant may see, of the next stretch of the log.
--   $1 numbers above  $2 participant  $3 maximum rows  $4 length of the stretch
--   $5 kinds of events of payments  $6 kind of the events of messages
--   $7 kinds of events of a participant itself
-- A body is searched as bytes: one that is no JSON is for nobody, and ends no statement.
SELECT e.seq, e.at, e.kind, e.body, CASE WHEN e.kind = $6 THEN o.stated ELSE coalesce(o.stated, p.uetr) END AS uetr,
       p.debtor_agent, p.creditor_agent, p.rail, p.debit_currency, p.credit_currency,
       p.debit_minor + (SELECT coalesce(sum(f.minor), 0)::bigint FROM switch.payment_charge AS f
                         WHERE f.number = p.number AND f.deducted) AS debit_minor,
       p.credit_minor, p.fee_minor, d.bic AS debtor_bic, c.bic AS creditor_bic,
       (SELECT count(*) FROM ledger.event AS b
        WHERE b.number = p.number AND b.seq BETWEEN p.number AND e.seq AND b.kind = ANY($5)) AS place
FROM ledger.event AS e LEFT JOIN switch.payment AS p ON p.number = e.number
LEFT JOIN switch.own_uetr AS o
  ON o.sender = $2
 AND o.uetr = CASE WHEN e.kind = $6 THEN substring(encode(e.body, 'escape')
       FROM '"uetr":"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"')::uuid ELSE p.uetr END
LEFT JOIN switch.participant AS d ON d.id = p.debtor_agent
LEFT JOIN switch.participant AS c ON c.id = p.creditor_agent
WHERE e.seq > $1 AND e.seq <= $1 + $4
  AND CASE WHEN e.kind = $6 THEN position(convert_to('"receiver":' || to_json($2::text)::text, 'UTF8') IN e.body) > 0
           WHEN e.kind = ANY($7) THEN position(convert_to('"participant":' || to_json($2::text)::text, 'UTF8') IN e.body) > 0
           WHEN e.kind = ANY($5) THEN $2 IN (p.debtor_agent, p.sender)
                                      OR ($2 = p.creditor_agent AND p.native_ref <> '')
           ELSE false END
ORDER BY e.seq LIMIT $3
