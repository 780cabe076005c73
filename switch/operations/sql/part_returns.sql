-- part_returns: every booked return of a part, with the legs of its payment and its own; and sets of the log that no row has.
SELECT e.seq AS number, p.uetr, x.credit_minor, x.debit_minor, x.share_minor, x.rate, x.number IS NULL AS unknown,
       (SELECT coalesce(sum(o.credit_minor), 0)::bigint FROM switch.part_return AS o
         WHERE o.payment = x.payment AND o.number < x.number) AS before,
       EXISTS (SELECT FROM ledger.transfer AS c WHERE c.corrects = x.payment) AS corrected,
       (SELECT jsonb_agg(jsonb_build_array(l.debit, l.credit, l.amount, l.purpose) ORDER BY l.position)
          FROM ledger.leg AS l WHERE l.number = x.payment) AS legs,
       (SELECT jsonb_agg(jsonb_build_array(l.debit, l.credit, l.amount, l.purpose) ORDER BY l.position)
          FROM ledger.leg AS l WHERE l.number = e.seq) AS back
FROM ledger.event AS e
LEFT JOIN switch.part_return AS x ON x.number = e.seq
LEFT JOIN switch.payment AS p ON p.number = x.payment
WHERE e.kind = $1 AND get_byte(e.change, 0) = ascii('M')
