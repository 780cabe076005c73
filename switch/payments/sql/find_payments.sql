-- find_payments: payments that match, newest first; `join` is JOIN for open ones, LEFT JOIN for all.
--   $1 numbers below  $2 numbers above  $3 owners, or none for all  $4 state, or empty for any  $5 rail
--   $6 and $7 countries  $8 message id or reference of the rail  $9 maximum rows
--   $10 on which side an owner is  $11 kinds of the steps of a payment  $12 a participant, or empty for any
--   $13 and $14 currencies and amounts of which one is debited or credited; none for any  $15 a currency, or empty for any
SELECT p.number, p.uetr, p.debtor_agent, p.creditor_agent, coalesce(d.country::text, '') AS source,
       coalesce(c.country::text, '') AS target, p.rail, p.native_ref, p.debit_currency,
       p.debit_minor + coalesce(f.minor, 0) AS debit_minor, p.credit_currency, p.credit_minor, e.at, o.entered_at,
       o.due_at, o.expires_at,
       coalesce(o.state, CASE r.outcome WHEN 'posted' THEN 'COMMITTED' ELSE 'ABORTED' END) AS state,
       coalesce((SELECT convert_from(s.body, 'UTF8')::jsonb ->> 'reason' FROM ledger.event AS s
                  WHERE s.number = p.number AND s.seq >= p.number AND s.kind = ANY ($11)
                  ORDER BY s.seq DESC LIMIT 1), '') AS reason,
       EXISTS (SELECT FROM ledger.transfer AS back WHERE back.corrects = p.number) AS returned
FROM switch.payment AS p
{join} switch.open_payment AS o ON o.number = p.number
LEFT JOIN ledger.resolution AS r ON r.number = p.number
LEFT JOIN ledger.event AS e ON e.seq = p.number
LEFT JOIN switch.participant AS d ON d.id = p.debtor_agent
LEFT JOIN switch.participant AS c ON c.id = p.creditor_agent
LEFT JOIN LATERAL (SELECT sum(g.minor)::bigint AS minor FROM switch.payment_charge AS g
                    WHERE g.number = p.number AND g.deducted) AS f ON true
WHERE p.number < $1 AND p.number > $2
  AND ($3::text[] IS NULL OR p.sender = ANY($3) OR p.debtor_agent = ANY($3)
       OR (p.creditor_agent = ANY($3) AND p.native_ref <> ''))
  AND ($4 = '' OR coalesce(o.state, CASE r.outcome WHEN 'posted' THEN 'COMMITTED' ELSE 'ABORTED' END) = $4)
  AND ($5 = '' OR p.rail = $5) AND ($6 = '' OR d.country = $6) AND ($7 = '' OR c.country = $7)
  AND ($8 = '' OR p.message_id = $8 OR p.native_ref = $8)
  AND ($10 = '' OR ($10 = 'sent' AND (p.sender = ANY($3) OR p.debtor_agent = ANY($3)))
       OR ($10 = 'received' AND p.creditor_agent = ANY($3)))
  AND ($12 = '' OR p.sender = $12 OR p.debtor_agent = $12 OR p.creditor_agent = $12 OR p.fx_provider = $12)
  AND ($15 = '' OR $15 IN (p.debit_currency, p.credit_currency))
  AND (cardinality($13::text[]) = 0
       OR (p.debit_currency, p.debit_minor + coalesce(f.minor, 0)) IN (SELECT * FROM unnest($13::text[], $14::bigint[]))
       OR (p.credit_currency, p.credit_minor) IN (SELECT * FROM unnest($13::text[], $14::bigint[])))
ORDER BY p.number DESC LIMIT $9
