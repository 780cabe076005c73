-- export_payments: payments that became final in a range of the log: posted, voided, or refused at once.
--   $1 after this event  $2 up to this event
-- A payment's number is the sequence number of the event that accepted or refused it. A refused one has no native_ref.
WITH final AS (
    SELECT number, seq, at, CASE get_byte(change, 0) WHEN ascii('P') THEN 'posted' ELSE 'voided' END AS outcome
      FROM ledger.event
     WHERE seq > $1 AND seq <= $2 AND change <> '' AND get_byte(change, 0) IN (ascii('P'), ascii('V'))
     UNION ALL
    SELECT payment.number, event.seq, event.at, 'refused'
      FROM switch.payment
      JOIN ledger.event ON event.seq = payment.number
     WHERE payment.number > $1 AND payment.number <= $2 AND payment.native_ref = ''
)
SELECT payment.number, payment.uetr, final.outcome, received.at AS received_at, final.at AS final_at,
       payment.sender, payment.message_name, payment.debtor_agent, payment.creditor_agent,
       coalesce(source.country::text, '') AS debtor_country, coalesce(target.country::text, '') AS creditor_country,
       payment.rail, payment.debit_currency, payment.debit_minor, payment.credit_currency, payment.credit_minor,
       payment.fee_minor, payment.fx_provider, payment.rate
  FROM final
  JOIN switch.payment ON payment.number = final.number
  LEFT JOIN ledger.event AS received ON received.seq = payment.number
  LEFT JOIN switch.participant AS source ON source.id = payment.debtor_agent
  LEFT JOIN switch.participant AS target ON target.id = payment.creditor_agent
 ORDER BY final.seq, payment.number
