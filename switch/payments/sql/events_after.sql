-- events_after: events that a participant may see, of the next stretch of the log.
--   $1 numbers above  $2 participant  $3 maximum rows  $4 length of the stretch
--   $5 kinds of events of payments  $6 kind of the events of messages
--   $7 kinds of events of a participant itself
SELECT e.seq, e.at, e.kind, e.body, CASE WHEN e.kind = $6 THEN o.stated ELSE coalesce(o.stated, p.uetr) END AS uetr
FROM ledger.event AS e LEFT JOIN switch.payment AS p ON p.number = e.number
LEFT JOIN switch.own_uetr AS o
  ON o.sender = $2
 AND o.uetr = CASE WHEN e.kind = $6 THEN (convert_from(e.body, 'UTF8')::jsonb ->> 'uetr')::uuid ELSE p.uetr END
WHERE e.seq > $1 AND e.seq <= $1 + $4
  AND CASE WHEN e.kind = $6 THEN convert_from(e.body, 'UTF8')::jsonb ->> 'receiver' = $2
           WHEN e.kind = ANY($7) THEN convert_from(e.body, 'UTF8')::jsonb ->> 'participant' = $2
           WHEN e.kind = ANY($5) THEN $2 IN (p.debtor_agent, p.sender)
                                      OR ($2 = p.creditor_agent AND p.native_ref <> '')
           ELSE false END
ORDER BY e.seq LIMIT $3
