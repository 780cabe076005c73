-- recovered_payments: which of these payments wait for two people to post them after a restore.
--   $1 UETRs
SELECT p.uetr, p.rail, p.debtor_agent, p.creditor_agent, p.debit_minor + p.fee_minor AS debit_minor, p.debit_currency,
       p.credit_minor, p.credit_currency, p.native_ref, b.id AS break
  FROM switch.restore_line AS l
  JOIN switch.open_payment AS o ON o.uetr = l.uetr AND o.state = 'UNKNOWN'
  JOIN switch.payment AS p ON p.number = o.number
  LEFT JOIN switch.reconciliation_break AS b
         ON b.rail = l.rail AND b.ref = l.ref AND b.kind = 'credited_unknown_here' AND b.resolved_at IS NULL
 WHERE l.done AND l.uetr = ANY ($1::uuid[])
 ORDER BY p.number
