-- payment_to_return: a payment, its state, what a return would move, and the windows in which its credit and its return count.
--   $1 UETR
-- `headroom` is that of the account that was credited. `break`: an open one by which it is returned instead.
SELECT p.debtor_agent, p.creditor_agent, p.debit_minor + p.fee_minor AS debit_minor, p.fee_minor, p.debit_currency,
       (SELECT coalesce(sum(x.credit_minor), 0)::bigint FROM switch.part_return AS x WHERE x.payment = p.number) AS parts_minor,
       p.credit_minor, p.credit_currency, c.headroom,
       coalesce(o.state, CASE r.outcome WHEN 'posted' THEN 'COMMITTED' ELSE 'ABORTED' END) AS state,
       EXISTS (SELECT FROM ledger.transfer AS back WHERE back.corrects = t.number) AS returned, e.at AS credited_at,
       (SELECT min(b.id) FROM switch.reconciliation_break AS b
         WHERE b.uetr = t.id AND b.kind IN ('refused_but_committed', 'returned_by_rail') AND b.resolved_at IS NULL) AS break,
       (SELECT max(w.number) FROM ledger.settlement_window AS w
         WHERE w.currency = p.credit_currency::char(3) AND w.number < r.seq) AS counted_in,
       (SELECT w.number FROM ledger.settlement_window AS w
         WHERE w.currency = p.credit_currency::char(3) AND w.closing_seq IS NULL) AS counts_in
FROM ledger.transfer AS t
JOIN switch.payment AS p ON p.number = t.number
LEFT JOIN switch.open_payment AS o ON o.number = t.number
LEFT JOIN ledger.resolution AS r ON r.number = t.number
LEFT JOIN ledger.event AS e ON e.seq = r.seq
LEFT JOIN LATERAL (
    SELECT a.credits_posted + a.net_debit_cap - a.debits_posted - a.debits_pending AS headroom
    FROM ledger.leg AS l JOIN ledger.account AS a ON a.number = l.credit
    WHERE l.number = t.number AND a.owner = p.creditor_agent LIMIT 1
) AS c ON true
WHERE t.id = $1
