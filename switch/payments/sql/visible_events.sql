-- visible_events: the events of a payment that a participant may see.
--   $1 UETR  $2 participant  $3 kinds
SELECT e.seq, e.at, e.kind, e.body, coalesce(o.stated, p.uetr) AS uetr
FROM ledger.transfer AS t
JOIN switch.payment AS p ON p.number = t.number
JOIN ledger.event AS e ON e.number = t.number
LEFT JOIN switch.own_uetr AS o ON o.uetr = p.uetr AND o.sender = $2
WHERE t.id = $1 AND e.seq >= t.number AND e.kind = ANY($3)
  AND ($2 IN (p.debtor_agent, p.sender) OR ($2 = p.creditor_agent AND p.native_ref <> ''))
ORDER BY e.seq
