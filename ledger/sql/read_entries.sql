-- read_entries: what was posted on an account, in order of posting.
--   $1 account  $2 after this event  $3 up to this event  $4 at most so many rows
-- Postings are the events whose change is P(osted), M(oved) or C(orrected); see encoding.py. The legs carry no
-- index by account, which would slow every payment: this reads the range of the log, by its primary key.
SELECT event.seq, event.at, event.number, transfer.id, leg.purpose, leg.amount,
       leg.debit = $1 AS is_debit,
       counterparty.owner AS counterparty, original.id AS corrects
  FROM ledger.event
  JOIN ledger.leg ON leg.number = event.number AND $1 IN (leg.debit, leg.credit)
  JOIN ledger.transfer ON transfer.number = event.number
  LEFT JOIN ledger.transfer AS original ON original.number = transfer.corrects
  JOIN ledger.account AS counterparty
    ON counterparty.number = CASE leg.debit WHEN $1 THEN leg.credit ELSE leg.debit END
 WHERE event.seq > $2
   AND event.seq <= $3
   AND event.change <> ''
   AND get_byte(event.change, 0) IN (ascii('P'), ascii('M'), ascii('C'))
 ORDER BY event.seq, leg.position
 LIMIT $4;
