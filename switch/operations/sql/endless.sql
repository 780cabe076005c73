-- endless: what is not final, and has neither an instant at which a process continues it nor a case.
-- A minute is given to what a process does next: it may be doing so.
WITH subject AS ({subjects}), waits AS (
    SELECT 'payment/' || uetr AS what, state, due_at IS NOT NULL AS due, entered_at AS since FROM switch.open_payment
    UNION ALL
    SELECT 'reversal/' || p.uetr, r.state, r.due_at IS NOT NULL, r.changed_at
      FROM switch.reversal AS r JOIN switch.payment AS p USING (number) WHERE r.state IN ('ordered', 'sent', 'unknown')
    UNION ALL
    SELECT 'order/' || uetr, state, due_at IS NOT NULL, received_at FROM switch.inbound_order
     WHERE state IN ('received', 'taken') OR (state IN ('done', 'refused') AND answer IS NOT NULL AND told_at IS NULL)
    UNION ALL
    SELECT 'order/' || uetr, 'refund ' || refund, refund_due_at IS NOT NULL, refund_changed_at FROM switch.inbound_order
     WHERE refund NOT IN ('', 'done') AND settled IS NULL
    UNION ALL
    SELECT 'order/' || o.uetr, 'refund of a part ' || r.refund, r.refund_due_at IS NOT NULL, r.refund_changed_at
      FROM switch.part_refund AS r JOIN switch.inbound_order AS o ON o.rail = r.rail AND o.kind = 'order' AND o.ref = r.ref
     WHERE r.refund <> 'done' AND r.part > o.part_settled AND (r.refund <> 'carried' OR o.settled IS NULL)
    UNION ALL
    SELECT 'break/' || b.id, 'given back', g.left_because IS NULL AND b.found_at > clock_timestamp() - interval '10 minutes', b.found_at
      FROM switch.rail_return AS g
      JOIN switch.payment AS p USING (number)
      JOIN switch.reconciliation_break AS b ON b.rail = p.rail AND b.ref = p.native_ref || '/' || g.reference
       AND b.kind = 'returned_by_rail' AND b.resolved_at IS NULL
    UNION ALL
    SELECT 'recall/' || p.uetr, r.state, r.until_at > clock_timestamp() - interval '10 minutes', r.asked_at
      FROM switch.recall AS r JOIN switch.payment AS p ON p.number = r.payment WHERE r.ended_at IS NULL
    UNION ALL
    SELECT 'investigation/' || replace(id::text, '-', ''), state,
           state = 'waiting' AND (EXISTS (SELECT FROM switch.open_payment AS o WHERE o.uetr = i.uetr)
                                  OR EXISTS (SELECT FROM switch.screening_hold AS h WHERE h.uetr = i.uetr AND h.ended_at IS NULL)),
           changed_at
      FROM switch.investigation AS i WHERE ended_at IS NULL
    UNION ALL
    SELECT 'screening/' || uetr, 'held', held_at > clock_timestamp() - interval '3 minutes', held_at FROM switch.screening_hold WHERE ended_at IS NULL
)
SELECT w.what, w.state, w.due OR s.subject IS NOT NULL OR w.since > clock_timestamp() - interval '1 minute' AS ends
FROM waits AS w LEFT JOIN subject AS s ON s.subject = w.what
