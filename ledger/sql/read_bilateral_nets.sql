-- read_bilateral_nets: who owes whom in one window, from the postings themselves; corrections are separate.
--   $1 number of the window  $2 purposes of accounts whose postings owe nobody anything
-- Postings are the events whose change is P(osted), M(oved) or C(orrected); see encoding.py.
SELECT debit.owner AS debtor, credit.owner AS creditor, leg.purpose = 'correction' AS corrects,
       sum(leg.amount)::bigint AS amount, count(*) AS count
  FROM ledger.settlement_window AS this
  JOIN ledger.event
    ON event.seq > this.number
   AND event.seq < coalesce(this.closing_seq, 9223372036854775807)
   AND event.change <> ''
   AND get_byte(event.change, 0) IN (ascii('P'), ascii('M'), ascii('C'))
  JOIN ledger.leg ON leg.number = event.number
  JOIN ledger.account AS debit ON debit.number = leg.debit AND debit.currency = this.currency
  JOIN ledger.account AS credit ON credit.number = leg.credit
 WHERE this.number = $1
   AND NOT debit.purpose = ANY ($2) AND NOT credit.purpose = ANY ($2)
 GROUP BY 1, 2, 3
 ORDER BY 1, 2, 3;
