-- due_part_refunds: parts that were returned of payments of rails' orders, whose refund over the rail is to be made or
-- continued; the columns are those of due_order_refunds. `carried_in`: what the part before left to this one. So a part
-- waits until that is decided.
--   $1 rails  $2 how many of each
SELECT found.* FROM unnest($1::text[]) AS a (rail) CROSS JOIN LATERAL (
    WITH due AS (
        SELECT ref, part FROM switch.part_refund WHERE rail = a.rail AND refund_due_at <= clock_timestamp()
        UNION ALL
        SELECT o.ref, x.number FROM switch.inbound_order AS o
        JOIN switch.rail_inbound AS s ON s.rail = o.rail AND s.gateway = o.gateway
        JOIN ledger.transfer AS t ON t.id = o.uetr AND t.fingerprint = o.fingerprint
        JOIN switch.part_return AS x ON x.payment = t.number
         WHERE o.rail = a.rail AND o.kind = 'order' AND o.disputed = 'a part of its payment was returned' AND o.settled IS NULL
           AND x.number > o.part_settled AND x.number <= o.part_seen AND x.at >= s.refunds_since AND x.at >= s.parts_since
           AND NOT EXISTS (SELECT FROM switch.part_refund AS r WHERE r.rail = o.rail AND r.ref = o.ref AND r.part = x.number
                              AND (r.refund <> '' OR r.refund_due_at IS NOT NULL))
           AND NOT EXISTS (SELECT FROM switch.part_return AS y
                            WHERE y.payment = x.payment AND y.number > o.part_settled AND y.number < x.number
                              AND y.at >= s.refunds_since AND y.at >= s.parts_since
                              AND NOT EXISTS (SELECT FROM switch.part_refund AS r
                                               WHERE r.rail = o.rail AND r.ref = o.ref AND r.part = y.number
                                                 AND (r.refund <> '' OR r.carried_minor IS NOT NULL)))
    )
    SELECT o.rail::text, o.ref, x.number AS part, x.debit_minor AS part_minor,
           coalesce((SELECT b.carried_minor FROM switch.part_refund AS b
                      WHERE b.rail = o.rail AND b.ref = o.ref AND b.part > o.part_settled AND b.part < x.number
                      ORDER BY b.part DESC LIMIT 1), 0) AS carried_in, o.uetr, o.gateway, o.sealed_key, o.request,
           (SELECT count(*) FROM switch.part_return AS y WHERE y.payment = x.payment AND y.number <= x.number)::int AS ordinal,
           coalesce(r.refund, '') AS refund, r.refund_uetr, coalesce(r.refund_ref, '') AS refund_ref, r.refund_body, r.refund_minor,
           coalesce(r.refund_tries, 0) AS refund_tries, coalesce(r.refund_enquiries, 0) AS refund_enquiries, r.refund_expires_at,
           coalesce(r.refund_detail, '') AS refund_detail, coalesce(r.refund_made, 0) AS refund_made, r.refund_back,
           coalesce(r.carried_minor, 0) AS carried_minor,
           clock_timestamp() AS now, p.debit_minor, p.debit_currency, s.refunds_since IS NOT NULL AS wanted,
           EXISTS (SELECT FROM switch.rail AS l WHERE l.country = o.rail AND l.open) AS rail_open,
           coalesce(o.received_at < (SELECT max(at) FROM ledger.restore), false)
           OR EXISTS (SELECT FROM switch.restore_line AS k WHERE k.uetr = o.uetr) AS lost
    FROM due
    JOIN switch.inbound_order AS o ON o.rail = a.rail AND o.kind = 'order' AND o.ref = due.ref
    JOIN switch.rail_inbound AS s ON s.rail = o.rail
    JOIN switch.part_return AS x ON x.number = due.part
    JOIN switch.payment AS p ON p.number = x.payment
    LEFT JOIN switch.part_refund AS r ON r.rail = o.rail AND r.ref = o.ref AND r.part = x.number
    WHERE o.disputed = 'a part of its payment was returned' AND o.state = 'done' AND o.told_at IS NOT NULL
      AND x.number > o.part_settled AND (o.settled IS NULL OR (o.settled = 0 AND r.refund = 'done'))
      AND NOT EXISTS (SELECT FROM switch.closed)
    ORDER BY coalesce(r.refund, '') = '', x.number LIMIT $2
) AS found
