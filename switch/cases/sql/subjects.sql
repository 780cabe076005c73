-- subjects: everything that needs a person now. A case is open exactly as long as its subject is among these rows.
SELECT 'payment/' || o.uetr AS subject, 'unknown' AS kind, o.rail, p.debtor_agent AS participant, o.uetr,
       o.entered_at AS since
FROM switch.open_payment AS o JOIN switch.payment AS p USING (number)
WHERE o.state = 'UNKNOWN'
UNION ALL
SELECT 'break/' || id, 'break', rail::text, '', uetr, found_at
FROM switch.reconciliation_break AS b WHERE resolved_at IS NULL
  AND NOT (kind = 'returned_by_rail' AND found_at > clock_timestamp() - interval '1 minute' -- the rule ends most of them
           AND EXISTS (SELECT FROM ledger.transfer AS t JOIN switch.rail_return AS r USING (number)
                        WHERE t.id = b.uetr AND r.left_because IS NULL))
UNION ALL -- a bank that did not pay, or one that was not paid
SELECT 'line/' || l.settlement_window || '/' || l.participant,
       CASE WHEN l.net_minor + l.carried_minor < 0 THEN 'default' ELSE 'exception' END, '', l.participant,
       NULL, l.changed_at
FROM switch.settlement_line AS l JOIN switch.settlement AS s USING (settlement_window)
WHERE l.state = 'HELD' AND l.carried_to IS NULL AND s.state <> 'ABORTED'
UNION ALL -- confirmations that differ from the books, match no instruction, or are not signed by their agent
SELECT 'confirmation/' || encode(sha256, 'hex') || '/' || agent,
       CASE WHEN bool_or(coalesce(result -> 'contradictions', '[]') <> '[]'::jsonb)
            THEN 'contradiction' ELSE 'exception' END, '', agent, NULL, min(received_at)
FROM switch.settlement_confirmation
WHERE examined IS NULL
  AND (result = 'null'::jsonb OR result -> 'unmatched' <> '0'::jsonb OR result -> 'contradictions' <> '[]'::jsonb)
GROUP BY sha256, agent
UNION ALL -- instructions to which the agent has not replied, after the last enquiry
SELECT 'instruction/' || s.settlement_window, 'exception', '', coalesce(s.agent, ''), NULL, s.changed_at
FROM switch.settlement AS s JOIN switch.settlement_delivery AS d USING (settlement_window)
WHERE s.state NOT IN ('SETTLED', 'ABORTED') AND d.state <> 'DUE' AND d.due_at IS NULL
UNION ALL -- acts of people that the writer keeps out of the log
SELECT 'note/' || number, 'exception', '', '', NULL, at
FROM switch.audit_note WHERE seq IS NULL AND refused_at IS NOT NULL
UNION ALL
SELECT 'freeze/' || seq, 'exception', '', '', NULL, at FROM switch.freeze
UNION ALL
SELECT 'restore/' || kept, 'exception', '', '', NULL, at FROM switch.closed
UNION ALL -- reversals that their rails have not answered, or could not be asked for, for a while
SELECT 'reversal/' || p.uetr, 'unknown', p.rail, p.debtor_agent, p.uetr, r.changed_at
FROM switch.reversal AS r JOIN switch.payment AS p USING (number)
WHERE r.state IN ('ordered', 'sent', 'unknown')
  AND (r.state = 'unknown' OR r.due_at IS NULL OR r.changed_at < clock_timestamp() - interval '1 minute')
UNION ALL -- orders of rails: what one side owes the other, an answer that the rail does not take, an order that is not begun
SELECT 'order/' || uetr, 'exception', min(rail)::text, min(gateway), uetr, 
       min(CASE WHEN refund = 'given_back' THEN refund_changed_at ELSE coalesce(told_at, decided_at, received_at) END)
FROM switch.inbound_order
WHERE (disputed <> '' AND settled IS NULL)
   OR (due_at IS NOT NULL AND answer IS NOT NULL AND decided_at < clock_timestamp() - interval '10 minutes')
   OR (due_at IS NOT NULL AND kind = 'order' AND state = 'received' AND received_at < clock_timestamp() - interval '10 minutes')
GROUP BY uetr
UNION ALL -- recalls to which the payee's bank agreed, and whose money has not come in their time
SELECT 'recall/' || p.uetr, 'exception', p.rail, min(r.answerer), p.uetr, min(r.until_at)
FROM switch.recall AS r JOIN switch.payment AS p ON p.number = r.payment
WHERE r.state = 'agreed' AND r.ended_at IS NULL AND r.until_at <= clock_timestamp() GROUP BY p.uetr, p.rail
UNION ALL -- alarms of watch rules that nobody has examined
SELECT 'watch/' || uetr || '/' || participant, 'watch', '', participant, uetr, min(raised_at)
FROM switch.watch_alarm WHERE examined IS NULL GROUP BY uetr, participant
UNION ALL -- questions of banks that the agent on the other side, or people, are to answer
SELECT 'investigation/' || replace(id::text, '-', ''), 'investigation', '', asker, uetr, changed_at
FROM switch.investigation WHERE ended_at IS NULL AND state IN ('asked', 'people')
UNION ALL -- payments that screening holds, until the decision of people is carried out; those that only
-- wait for the outside engine continue by themselves, if it answers soon
SELECT 'screening/' || uetr, 'screening', '', sender, uetr, held_at FROM switch.screening_hold
WHERE ended_at IS NULL AND (hit_count > 0 OR held_at < clock_timestamp() - interval '2 minutes')
