-- exposures_at: posted and reserved amounts of each position and gross account after a given event.
--   $1 event  $2 owners, or null for all  $3 accounts that were opened by this event; a later one begins empty
-- Posted amounts start from the last window that had closed by then, so only later postings are read. Reserved are the
-- sets that existed by then and ended later, or have not ended: open payments, and settlement holds.
WITH chosen AS (
    SELECT number, owner, currency::text AS currency, purpose FROM ledger.account
     WHERE purpose IN ('position', 'gross') AND number <= $3 AND ($2::text[] IS NULL OR owner = ANY ($2))
), base AS (
    SELECT DISTINCT ON (w.currency) w.currency::text AS currency, w.number, w.closing_seq
      FROM ledger.settlement_window AS w
     WHERE w.closing_seq <= $1
     ORDER BY w.currency, w.closing_seq DESC
), begun AS (
    SELECT chosen.number, chosen.currency, coalesce(base.closing_seq, 0) AS seq,
           coalesce(b.debits_posted, 0) AS debits, coalesce(b.credits_posted, 0) AS credits
      FROM chosen
      LEFT JOIN base USING (currency)
      LEFT JOIN ledger.window_balance AS b ON b.settlement_window = base.number AND b.account = chosen.number
), posted AS (
    SELECT e.seq, leg.debit, leg.credit, leg.amount
      FROM ledger.event AS e
      JOIN ledger.leg ON leg.number = e.number
     WHERE e.seq > (SELECT min(seq) FROM begun) AND e.seq <= $1
       AND e.change <> ''
       AND get_byte(e.change, 0) IN (ascii('P'), ascii('M'), ascii('C'))
), since AS (
    SELECT begun.number, sum(m.debits) AS debits, sum(m.credits) AS credits
      FROM (SELECT seq, debit AS account, amount AS debits, 0::bigint AS credits FROM posted
             UNION ALL
            SELECT seq, credit, 0, amount FROM posted) AS m
      JOIN begun ON begun.number = m.account AND m.seq > begun.seq
     GROUP BY begun.number
), pending AS (
    SELECT r.number FROM ledger.resolution AS r WHERE r.number <= $1 AND r.seq > $1
     UNION ALL
    SELECT number FROM switch.open_payment WHERE number <= $1
     UNION ALL
    SELECT line.transfer FROM switch.settlement_line AS line
     WHERE line.transfer <= $1
       AND NOT EXISTS (SELECT FROM ledger.resolution AS r WHERE r.number = line.transfer)
), held AS (
    SELECT leg.debit AS number, sum(leg.amount) AS amount
      FROM pending JOIN ledger.leg ON leg.number = pending.number
     GROUP BY leg.debit
)
SELECT chosen.number AS account, chosen.owner, chosen.currency, chosen.purpose,
       (begun.debits + coalesce(since.debits, 0))::bigint AS debits_posted,
       (begun.credits + coalesce(since.credits, 0))::bigint AS credits_posted,
       coalesce(held.amount, 0)::bigint AS debits_pending,
       (SELECT e.change FROM ledger.event AS e
         WHERE e.number = chosen.number AND e.seq <= greatest($1, chosen.number) AND e.change <> ''
           AND get_byte(e.change, 0) IN (ascii('A'), ascii('L'))
         ORDER BY e.seq DESC LIMIT 1) AS cap_change
  FROM chosen
  JOIN begun USING (number)
  LEFT JOIN since USING (number)
  LEFT JOIN held USING (number)
 ORDER BY chosen.owner, chosen.currency, chosen.purpose DESC, chosen.number;
