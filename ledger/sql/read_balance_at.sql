-- read_balance_at: posted debits and credits of an account after a given event.
--   $1 account  $2 event
-- Starts from the last window that had closed by then, or from the last archive, so only the postings since then are
-- read.
WITH base AS (
    SELECT w.closing_seq AS seq, balance.debits_posted, balance.credits_posted
      FROM ledger.settlement_window AS w
      JOIN ledger.window_balance AS balance ON balance.settlement_window = w.number AND balance.account = $1
     WHERE w.closing_seq <= $2
     UNION ALL
    SELECT last_seq, (balance ->> 'debits_posted')::bigint, (balance ->> 'credits_posted')::bigint
      FROM (SELECT last_seq, convert_from(state, 'UTF8')::jsonb -> 'balances' -> $1::text AS balance
              FROM ledger.archive ORDER BY last_seq DESC LIMIT 1) AS archived
     ORDER BY seq DESC
     LIMIT 1
), since AS (
    SELECT coalesce(sum(leg.amount) FILTER (WHERE leg.debit = $1), 0) AS debits,
           coalesce(sum(leg.amount) FILTER (WHERE leg.credit = $1), 0) AS credits
      FROM ledger.event
      JOIN ledger.leg ON leg.number = event.number AND $1 IN (leg.debit, leg.credit)
     WHERE event.seq > coalesce((SELECT seq FROM base), 0)
       AND event.seq <= $2
       AND event.change <> ''
       AND get_byte(event.change, 0) IN (ascii('P'), ascii('M'), ascii('C'))
)
SELECT (since.debits + coalesce((SELECT debits_posted FROM base), 0))::bigint AS debits,
       (since.credits + coalesce((SELECT credits_posted FROM base), 0))::bigint AS credits
  FROM since;
