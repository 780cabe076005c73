-- due_order_refunds: orders of rails whose payment was returned, and whose refund over the rail is to be made or continued.
--   $1 rails  $2 how many of each
-- `wanted`: two people want refunds; `lost`: the order came, or was executed, before a restore, so a
-- refund may have been forgotten.
SELECT found.* FROM unnest($1::text[]) AS a (rail) CROSS JOIN LATERAL (
    WITH due AS (
        SELECT ref FROM switch.inbound_order
         WHERE rail = a.rail AND kind = 'order' AND refund_due_at <= clock_timestamp()
           AND (settled IS NULL OR (settled = 0 AND refund = 'done'))
        UNION ALL
        SELECT o.ref FROM switch.inbound_order AS o
        JOIN switch.rail_inbound AS s ON s.rail = o.rail AND s.gateway = o.gateway
        JOIN ledger.transfer AS t ON t.id = o.uetr AND t.fingerprint = o.fingerprint
         WHERE o.rail = a.rail AND o.kind = 'order' AND o.disputed <> '' AND o.settled IS NULL
           AND o.refund = '' AND o.refund_due_at IS NULL
           AND EXISTS (SELECT FROM ledger.transfer AS c JOIN ledger.event AS e ON e.seq = c.number
                        WHERE c.corrects = t.number AND e.at >= s.refunds_since)
    )
    SELECT o.rail::text, o.ref, o.uetr, o.gateway, o.sealed_key, o.request, o.refund, o.refund_uetr, o.refund_ref,
           o.refund_body, o.refund_minor, o.refund_tries, o.refund_enquiries, o.refund_expires_at, o.refund_detail,
           o.refund_made, o.refund_back, clock_timestamp() AS now, p.debit_minor, p.debit_currency,
           s.refunds_since IS NOT NULL AS wanted,
           EXISTS (SELECT FROM switch.rail AS r WHERE r.country = o.rail AND r.open) AS rail_open,
           coalesce(o.received_at < (SELECT max(at) FROM ledger.restore), false)
           OR EXISTS (SELECT FROM switch.restore_line AS k WHERE k.uetr = o.uetr) AS lost
    FROM due
    JOIN switch.inbound_order AS o ON o.rail = a.rail AND o.kind = 'order' AND o.ref = due.ref
    JOIN switch.rail_inbound AS s ON s.rail = o.rail
    JOIN ledger.transfer AS t ON t.id = o.uetr AND t.fingerprint = o.fingerprint
    JOIN switch.payment AS p ON p.number = t.number
    WHERE o.disputed = 'its payment was returned' AND o.state = 'done' AND o.told_at IS NOT NULL
      AND NOT EXISTS (SELECT FROM switch.closed)
    ORDER BY o.refund = '', o.told_at LIMIT $2 -- what only waits for its rail comes last
) AS found
