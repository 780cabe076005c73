-- monitored_events: acceptances of payments and the ends of those that were accepted, in the order of the log.
--   $1 events after this one  $2 up to this one  $3 kinds of acceptances  $4 kinds of ends  $5 limit
SELECT e.seq, e.at, e.kind, p.uetr, p.message_name, p.debit_currency, p.fee_minor, d.bic AS debtor_bic,
       c.bic AS creditor_bic, m.body AS raw, k.sealed
FROM ledger.event AS e JOIN switch.payment AS p ON p.number = e.number
LEFT JOIN switch.participant AS d ON d.id = p.debtor_agent
LEFT JOIN switch.participant AS c ON c.id = p.creditor_agent
LEFT JOIN switch.message AS m ON m.number = p.number AND m.direction = 0 AND e.seq = e.number
LEFT JOIN switch.message_key AS k ON k.number = p.number AND e.seq = e.number
WHERE e.seq > $1 AND e.seq <= $2 AND p.native_ref <> ''
  AND p.number > (SELECT begun FROM switch.monitor)
  AND CASE WHEN e.seq = e.number THEN e.kind = ANY($3::text[]) ELSE e.kind = ANY($4::text[]) END
ORDER BY e.seq LIMIT $5::bigint
