-- liquidity_steps: changes of positions' exposures in a part of the log, in order, and their posted amounts
-- by purpose of the leg and correction.
--   $1 after this event  $2 up to this event  $3 accounts
-- Exposure is what a cap must cover: pending and posted debits less posted credits. It rises when money is reserved, and
-- falls when a reservation is voided or a credit posted. In one event, decreases come first: the legs of an event
-- count at once, so no peak appears that never existed.
-- Tags of changes: R(eserved) P(osted) V(oided) M(oved) C(orrected); see ledger/encoding.py.
WITH touched AS MATERIALIZED (
    SELECT e.seq, get_byte(e.change, 0) AS tag, leg.debit, leg.credit, leg.amount, leg.purpose
      FROM ledger.event AS e
      JOIN ledger.leg ON leg.number = e.number
     WHERE e.seq > $1 AND e.seq <= $2
       AND e.change <> ''
       AND get_byte(e.change, 0) IN (ascii('R'), ascii('P'), ascii('V'), ascii('M'), ascii('C'))
), step AS (
    SELECT seq, debit AS account, CASE tag WHEN ascii('V') THEN -amount ELSE amount END AS change
      FROM touched WHERE tag <> ascii('P') AND debit = ANY ($3)
     UNION ALL
    SELECT seq, credit, -amount
      FROM touched WHERE tag IN (ascii('P'), ascii('M'), ascii('C')) AND credit = ANY ($3)
     ORDER BY 1, 3
), posted AS (
    SELECT account, purpose, purpose = 'correction' AS corrects, sum(debit)::bigint AS debits, sum(credit)::bigint AS credits
      FROM (SELECT debit AS account, purpose, tag, amount AS debit, 0::bigint AS credit
              FROM touched WHERE tag IN (ascii('P'), ascii('M'), ascii('C')) AND debit = ANY ($3)
             UNION ALL
            SELECT credit, purpose, tag, 0, amount
              FROM touched WHERE tag IN (ascii('P'), ascii('M'), ascii('C')) AND credit = ANY ($3)) AS t
     GROUP BY 1, 2, 3
)
SELECT steps.seqs, steps.accounts, steps.changes,
       sums.accounts AS posted, sums.purposes, sums.corrects, sums.debits, sums.credits
  FROM (SELECT array_agg(seq) AS seqs, array_agg(account) AS accounts, array_agg(change) AS changes FROM step) AS steps
 CROSS JOIN (SELECT array_agg(account) AS accounts, array_agg(purpose) AS purposes, array_agg(corrects) AS corrects,
                    array_agg(debits) AS debits, array_agg(credits) AS credits
               FROM posted) AS sums;
