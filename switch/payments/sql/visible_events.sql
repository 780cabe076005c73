-- visible_events: the events of a payment that a participant may see.
--   $1 UETR  $2 participant  $3 kinds
SELECT e.seq, e.at, e.kind, e.body, coalesce(o.stated, p.uetr) AS uetr,
       p.debtor_agent, p.creditor_agent, p.rail, p.debit_currency, p.credit_currency,
       p.debit_minor + (SELECT coalesce(sum(f.minor), 0)::bigint FROM switch.payment_charge AS f
                         WHERE f.number = p.number AND f.deducted) AS debit_minor,
       p.credit_minor, p.fee_minor, d.bic AS debtor_bic, c.bic AS creditor_bic,
       row_number() OVER (ORDER BY e.seq) AS place
FROM ledger.transfer AS t
JOIN switch.payment AS p ON p.number = t.number
JOIN ledger.event AS e ON e.number = t.number
LEFT JOIN switch.own_uetr AS o ON o.uetr = p.uetr AND o.sender = $2
LEFT JOIN switch.participant AS d ON d.id = p.debtor_agent
LEFT JOIN switch.participant AS c ON c.id = p.creditor_agent
WHERE t.id = $1 AND e.seq >= t.number AND e.kind = ANY($3)
  AND ($2 IN (p.debtor_agent, p.sender) OR ($2 = p.creditor_agent AND p.native_ref <> ''))
ORDER BY e.seq
