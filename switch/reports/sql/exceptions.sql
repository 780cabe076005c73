-- exceptions: recalls, investigations, returns, refunds and obligations that were open in a period, or began or ended in it.
--   $1 since  $2 until  $3 owners, or null for all  $4 the country whose owners they are, or null
--   $5 returns after this event  $6 and up to this event  $7 kinds of change of people that answer or resolve
-- Each row has the parties that may see it, and what one side owes the other. Of an end that is later nothing is said.
-- A central bank also sees what only the other side's bank was told of: an answer of the books, a debt to the payer.
WITH decided AS (
    SELECT max(number) AS number, content::jsonb ->> 'investigation' AS investigation, content::jsonb ->> 'number' AS break
      FROM switch.change WHERE state = 'executed' AND kind = ANY ($7::text[]) GROUP BY 2, 3
), back AS NOT MATERIALIZED ( -- what came back, each with its event
    SELECT x.payment, x.number, x.whole, x.debit_minor, e.at, nullif(convert_from(e.body, 'UTF8'), '')::jsonb AS body,
           coalesce(y.rate, '') AS rate_in_force
      FROM switch.payment_return AS x
      JOIN ledger.event AS e ON e.seq = x.number
      LEFT JOIN switch.part_return AS y ON y.number = x.number
), inbound AS ( -- orders of rails and orders to give them up, with the payment and the gateway
    SELECT o.*, p.number, p.debit_minor, p.debit_currency, p.debtor_agent, p.creditor_agent, c.ended_at AS change_ended_at,
           coalesce(nullif(o.gateway, ''), i.gateway, '') AS taker,
           o.disputed IN ('its payment was returned', 'a part of its payment was returned') AS returned,
           o.state = CASE o.kind WHEN 'order' THEN 'done' ELSE 'refused' END -- the payee has the money, and the payer, too
           OR o.disputed = 'the other rail executed it after it was refused' AS paid_twice,
           (SELECT min(back.at) FROM back WHERE back.payment = p.number) AS returned_at
      FROM switch.inbound_order AS o
      LEFT JOIN ledger.transfer AS t ON t.id = o.uetr AND (t.fingerprint = o.fingerprint OR o.kind = 'return')
      LEFT JOIN switch.payment AS p ON p.number = t.number
      LEFT JOIN switch.rail_inbound AS i ON i.rail = o.rail
      LEFT JOIN switch.change AS c ON c.number = o.settled
     WHERE o.disputed <> '' OR o.refund <> ''
), found AS (
    SELECT p.uetr, 'recall' AS kind, p.debtor_agent, p.creditor_agent, '' AS type, r.reason, r.state, r.code,
           p.credit_minor - (SELECT coalesce(sum(x.credit_minor), 0)::bigint FROM switch.part_return AS x
                              WHERE x.payment = p.number AND x.at < r.asked_at) AS minor,
           p.credit_currency AS currency, '' AS rate_basis,
           CASE WHEN r.state IN ('agreed', 'unpaid') THEN r.answerer ELSE '' END AS owed_by,
           CASE WHEN r.state IN ('agreed', 'unpaid') THEN r.asker ELSE '' END AS owed_to,
           r.asked_at AS opened_at, r.until_at AS deadline, r.ended_at,
           CASE WHEN r.state IN ('returned', 'rejected') THEN r.answerer ELSE '' END AS ended_by, r.change,
           ARRAY[p.sender, r.asker, r.answerer] AS parties, '' AS rail
      FROM switch.recall AS r JOIN switch.payment AS p ON p.number = r.payment
    UNION ALL
    SELECT i.uetr, 'investigation', coalesce(p.debtor_agent, i.asker), coalesce(p.creditor_agent, i.answerer), i.type, i.reason,
           i.state, i.code, p.debit_minor, p.debit_currency, '', '', '',
           i.asked_at, coalesce(i.until_at, f.due_at), i.ended_at,
           CASE WHEN i.state = 'withdrawn' THEN i.asker WHEN i.answered_by IN ('books', 'people') THEN '' ELSE i.answered_by END,
           CASE WHEN i.answered_by = 'people' THEN decided.number END,
           ARRAY[i.asker, CASE WHEN i.until_at IS NOT NULL OR $4::text IS NOT NULL THEN i.answerer END], '' -- one that was not asked
      FROM switch.investigation AS i
      LEFT JOIN ledger.transfer AS t ON t.id = i.uetr
      LEFT JOIN switch.payment AS p ON p.number = t.number
      LEFT JOIN switch.case_file AS f ON f.subject = 'investigation/' || replace(i.id::text, '-', '')
      LEFT JOIN decided ON decided.investigation = replace(i.id::text, '-', '')
    UNION ALL
    SELECT p.uetr, 'return', p.debtor_agent, p.creditor_agent, '', coalesce(back.body ->> 'reason', ''),
           CASE WHEN back.whole THEN 'whole' ELSE 'part' END, '', back.debit_minor, p.debit_currency,
           CASE WHEN back.rate_in_force <> '' THEN 'in_force' WHEN p.rate <> '' THEN 'of_payment' ELSE '' END, '', '',
           back.at, NULL, back.at, coalesce(back.body ->> 'sender', ''), (back.body ->> 'change')::bigint,
           ARRAY[p.sender, p.debtor_agent, p.creditor_agent], ''
      FROM back JOIN switch.payment AS p ON p.number = back.payment
     WHERE back.number > $5 AND back.number <= $6
    UNION ALL -- refunds of whole payments, and of parts
    SELECT o.uetr, 'refund', o.debtor_agent, o.creditor_agent, '', '', r.refund, '', r.minor, o.debit_currency, '',
           CASE WHEN r.refund IN ('done', 'carried') THEN '' ELSE o.taker END,
           CASE WHEN r.refund IN ('done', 'carried') THEN '' ELSE o.rail::text END,
           r.began_at, r.refund_expires_at,
           CASE WHEN r.refund IN ('done', 'carried') THEN r.refund_changed_at
                WHEN r.settled THEN coalesce(o.change_ended_at, r.refund_changed_at) END, '',
           CASE WHEN r.settled AND r.refund NOT IN ('done', 'carried') THEN nullif(o.settled, 0) END,
           ARRAY[o.taker, CASE WHEN $4::text IS NOT NULL THEN o.creditor_agent END], ''
      FROM inbound AS o CROSS JOIN LATERAL (
          SELECT o.refund, coalesce(o.refund_minor, o.debit_minor) AS minor, o.returned_at AS began_at, o.refund_expires_at,
                 o.refund_changed_at, o.settled > 0 AS settled
           WHERE o.refund <> ''
          UNION ALL
          SELECT x.refund, coalesce(x.refund_minor, back.debit_minor), back.at, x.refund_expires_at,
                 x.refund_changed_at, x.part <= o.part_settled
            FROM switch.part_refund AS x LEFT JOIN back ON back.number = x.part
           WHERE x.rail = o.rail AND x.ref = o.ref AND o.kind = 'order' AND x.refund <> ''
      ) AS r
    UNION ALL -- where the rail of the payer and the books say different things
    SELECT o.uetr, 'obligation', coalesce(o.debtor_agent, o.taker), coalesce(o.creditor_agent, ''), '', o.disputed,
           CASE WHEN o.settled = 0 THEN 'refunded' WHEN o.settled > 0 THEN 'settled' ELSE 'open' END, '',
           CASE WHEN o.disputed = 'a part of its payment was returned'
                THEN (SELECT sum(back.debit_minor)::bigint FROM back WHERE back.payment = o.number)
                ELSE o.debit_minor + (SELECT coalesce(sum(g.minor), 0)::bigint FROM switch.payment_charge AS g
                                       WHERE g.number = o.number AND g.deducted AND NOT o.returned) END,
           o.debit_currency, '',
           CASE WHEN o.returned THEN o.taker WHEN o.paid_twice THEN o.rail::text ELSE '' END,
           CASE WHEN o.returned THEN o.rail::text WHEN o.paid_twice THEN o.taker ELSE '' END,
           coalesce(CASE WHEN o.returned THEN o.returned_at END, o.told_at, o.decided_at, o.received_at), f.due_at,
           CASE WHEN o.settled > 0 THEN o.change_ended_at
                WHEN o.settled = 0 THEN greatest(o.refund_changed_at, (SELECT max(x.refund_changed_at) FROM switch.part_refund AS x
                                                                       WHERE x.rail = o.rail AND x.ref = o.ref AND o.kind = 'order'))
           END, '', nullif(o.settled, 0), ARRAY[o.taker, CASE WHEN $4::text IS NOT NULL THEN o.creditor_agent END], ''
      FROM inbound AS o LEFT JOIN switch.case_file AS f ON f.subject = 'order/' || o.uetr
     WHERE o.disputed <> ''
    UNION ALL -- where the rail of the payee and the books do; what was booked as a return by rule is among the returns
    SELECT b.uetr, 'contradiction', coalesce(p.debtor_agent, ''), coalesce(p.creditor_agent, ''), '', b.kind,
           CASE WHEN b.resolved_at IS NULL THEN 'open' ELSE 'settled' END, '', coalesce(g.minor, p.credit_minor),
           coalesce(g.currency::text, p.credit_currency), '', x.owed_by, x.owed_to, b.found_at, f.due_at, b.resolved_at, '',
           decided.number, ARRAY[p.sender, p.debtor_agent, p.creditor_agent], b.rail::text
      FROM switch.reconciliation_break AS b
      LEFT JOIN ledger.transfer AS t ON t.id = b.uetr
      LEFT JOIN switch.payment AS p ON p.number = t.number
      LEFT JOIN switch.rail_return AS g ON g.number = p.number AND b.ref = p.native_ref || '/' || g.reference
      LEFT JOIN switch.case_file AS f ON f.subject = 'break/' || b.id
      LEFT JOIN decided ON decided.break = b.id::text
     CROSS JOIN LATERAL (
          SELECT CASE WHEN b.kind = 'credited_but_aborted' THEN p.debtor_agent
                      WHEN b.kind IN ('refused_but_committed', 'missing_at_rail', 'returned_by_rail') THEN p.creditor_agent
                 END AS owed_by,
                 CASE WHEN b.kind = 'credited_but_aborted' THEN p.creditor_agent
                      WHEN b.kind IN ('refused_but_committed', 'missing_at_rail', 'returned_by_rail') THEN p.debtor_agent
                 END AS owed_to
     ) AS x
     WHERE NOT (b.kind = 'returned_by_rail' AND b.resolved_at IS NOT NULL AND decided.number IS NULL)
)
SELECT found.uetr::text AS uetr, found.kind, coalesce(source.country::text, '') AS from_country, found.debtor_agent,
       coalesce(target.country::text, nullif(found.rail, ''), '') AS to_country, found.creditor_agent,
       found.type, found.reason, found.minor, found.currency, found.rate_basis,
       coalesce(found.owed_by, '') AS owed_by, coalesce(found.owed_to, '') AS owed_to, found.opened_at, found.deadline,
       CASE WHEN found.ended_at < $2 THEN found.ended_at END AS ended_at,
       CASE WHEN found.ended_at IS NULL OR found.ended_at < $2 THEN found.state ELSE 'open' END AS state,
       CASE WHEN found.ended_at < $2 THEN found.code ELSE '' END AS code,
       CASE WHEN found.ended_at < $2 THEN found.ended_by ELSE '' END AS ended_by,
       CASE WHEN found.ended_at < $2 THEN found.change END AS change
  FROM found
  LEFT JOIN switch.participant AS source ON source.id = found.debtor_agent
  LEFT JOIN switch.participant AS target ON target.id = found.creditor_agent
 WHERE found.opened_at < $2 AND (found.ended_at IS NULL OR found.ended_at >= $1)
   AND ($3::text[] IS NULL OR found.parties && $3 OR found.rail = $4)
 ORDER BY found.opened_at, found.uetr, found.kind, found.ended_at, found.minor, found.state, found.ended_by, found.change
