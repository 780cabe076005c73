-- answered_requests: open requests with the payment of their debtor agent to their asker that has their end-to-end id or
-- their UETR, if there is one; `outcome` is NULL while it is not final. A payment answers one request. One that screening
-- holds is on its way, too: a request that it would answer is not over.
--   $1 how many
SELECT q.id, q.asker, q.debtor_agent, q.message_id, q.definition, q.currency, q.minor, q.expires_at <= clock_timestamp() AS over,
       p.uetr, p.debit_currency, p.debit_minor, p.credit_currency, p.credit_minor, p.outcome, p.open
FROM switch.payment_request AS q
LEFT JOIN LATERAL (
    SELECT s.uetr, s.debit_currency, s.debit_minor, s.credit_currency, s.credit_minor, r.outcome, o.number IS NOT NULL AS open
    FROM switch.payment AS s
    LEFT JOIN ledger.resolution AS r ON r.number = s.number
    LEFT JOIN switch.open_payment AS o ON o.number = s.number
    WHERE s.number > q.after AND s.sender = q.debtor_agent AND s.creditor_agent = q.asker AND (q.uetr IS NULL OR s.uetr = q.uetr)
      AND (r.outcome = 'posted' OR o.number IS NOT NULL)
      AND s.number IN (
          SELECT f.number FROM switch.payment_reference AS f
          WHERE q.reference <> 0 AND f.key = q.reference AND f.number > q.after
            AND f.number >> 22 = ANY (ARRAY(SELECT generate_series(q.after >> 22, (SELECT next_seq FROM ledger.head) >> 22)))
          UNION ALL
          SELECT t.number FROM ledger.transfer AS t WHERE q.reference = 0 AND t.id = q.uetr)
      AND NOT EXISTS (SELECT FROM switch.payment_request AS other WHERE other.payment = s.uetr)
    ORDER BY r.outcome = 'posted' DESC NULLS LAST, s.number LIMIT 1
) AS p ON true
WHERE q.state IN ('open', 'accepted') AND (p.uetr IS NOT NULL OR (q.expires_at <= clock_timestamp() AND NOT EXISTS (
    SELECT FROM switch.screening_hold AS h
    WHERE h.ended_at IS NULL AND h.number > q.after AND h.sender = q.debtor_agent AND h.creditor_agent = q.asker
      AND (q.uetr IS NULL OR h.uetr = q.uetr) AND (q.reference = 0 OR h.end_to_end = q.reference))))
ORDER BY q.number LIMIT $1
