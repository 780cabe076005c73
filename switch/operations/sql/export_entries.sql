-- export_entries: every leg that was posted in a range of the log, in order of posting.
--   $1 after this event  $2 up to this event
SELECT event.seq, event.at, event.number, leg.position, transfer.id AS transfer, transfer.kind, leg.purpose,
       debit.currency::text AS currency, leg.amount AS amount_minor,
       leg.debit AS debit_account, debit.owner AS debit_owner, debit.purpose AS debit_purpose,
       leg.credit AS credit_account, credit.owner AS credit_owner, credit.purpose AS credit_purpose
  FROM ledger.event
  JOIN ledger.leg ON leg.number = event.number
  JOIN ledger.transfer ON transfer.number = event.number
  JOIN ledger.account AS debit ON debit.number = leg.debit
  JOIN ledger.account AS credit ON credit.number = leg.credit
 WHERE event.seq > $1
   AND event.seq <= $2
   AND event.change <> ''
   AND get_byte(event.change, 0) IN (ascii('P'), ascii('M'), ascii('C'))
 ORDER BY event.seq, leg.position
