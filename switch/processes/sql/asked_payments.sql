-- asked_payments: payments about which people have a rail asked, with what an enquiry needs, the oldest question first;
-- `state` is empty where the payment is not open any more.
--   $1 rails  $2 payments to leave out
SELECT q.act, o.number, o.uetr, coalesce(o.state, '') AS state, o.rail, o.entered_at, o.expires_at, o.enquiries, o.pending,
       p.native_ref, m.body AS native_body, k.sealed AS sealed_key, clock_timestamp() AS now
FROM switch.case_question AS q
LEFT JOIN switch.open_payment AS o ON o.uetr = q.uetr
LEFT JOIN switch.payment AS p ON p.number = o.number
LEFT JOIN switch.message AS m ON m.number = o.number AND m.direction = 1
LEFT JOIN switch.message_key AS k ON k.number = o.number
WHERE q.done_at IS NULL AND (o.number IS NULL OR (o.rail = ANY($1::text[]) AND NOT o.number = ANY($2::bigint[])))
ORDER BY q.act LIMIT 100
