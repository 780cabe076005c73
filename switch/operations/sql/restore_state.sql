-- restore_state: whether the switch is closed after a restore, and what is left to do; one JSON document.
SELECT jsonb_build_object(
    'closed', EXISTS (SELECT FROM switch.closed),
    'begun', coalesce((SELECT begun FROM switch.closed), true),
    'closed_at', (SELECT at FROM switch.closed),
    'checked', coalesce((
        SELECT l.seq >= (SELECT max(first) FROM ledger.restore) AND l.at > c.at
          FROM switch.closed AS c, switch.invariant_look AS l), true),
    'known_by', (SELECT known_by FROM switch.closed),
    'restores', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'number', number, 'kept', kept, 'first', first, 'at', at, 'published', published <> ''
        ) ORDER BY number), '[]') FROM ledger.restore
    ),
    'unread', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'rail', rail, 'since', since, 'until', until
        ) ORDER BY rail, since), '[]') FROM switch.restore_rail WHERE read_at IS NULL
    ),
    'rails_know', (SELECT count(*) FROM switch.restore_line WHERE done),
    'to_post', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'uetr', p.uetr, 'rail', p.rail, 'debtor_agent', p.debtor_agent, 'creditor_agent', p.creditor_agent,
            'debit', p.debit_minor, 'debit_currency', p.debit_currency,
            'credit', p.credit_minor, 'credit_currency', p.credit_currency
        ) ORDER BY p.number), '[]')
          FROM switch.restore_line AS l
          JOIN switch.open_payment AS o ON o.uetr = l.uetr AND o.state = 'UNKNOWN'
          JOIN switch.payment AS p ON p.number = o.number
         WHERE l.done
    ),
    'without_message', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'break', b.id, 'uetr', l.uetr, 'rail', l.rail, 'ref', l.ref, 'credit', l.minor, 'cycle', l.cycle
        ) ORDER BY b.id), '[]')
          FROM switch.restore_line AS l
          LEFT JOIN switch.reconciliation_break AS b
                 ON b.rail = l.rail AND b.ref = l.ref AND b.kind = 'credited_unknown_here'
         WHERE l.done AND b.resolved_at IS NULL
           AND NOT EXISTS (SELECT FROM ledger.transfer AS t WHERE t.id = l.uetr)
    )
)
