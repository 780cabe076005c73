-- evidence: whether the stored messages of every payment have the hashes that the event log has.
SELECT p.number,
       said.body ->> 'message_sha256' = encode(sha256(came.body), 'hex')
       AND coalesce(said.body ->> 'native_sha256', '') = coalesce(encode(sha256(sent.body), 'hex'), '')
       AS fine
FROM switch.payment AS p
CROSS JOIN LATERAL (
    SELECT convert_from(e.body, 'UTF8')::jsonb AS body FROM ledger.event AS e
    WHERE e.number = p.number AND e.seq >= p.number AND e.kind IN ('RESERVE', 'REFUSE') ORDER BY e.seq LIMIT 1
) AS said
LEFT JOIN switch.message AS came ON came.number = p.number AND came.direction = 0
LEFT JOIN switch.message AS sent ON sent.number = p.number AND sent.direction = 1
