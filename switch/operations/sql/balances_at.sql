-- balances_at: posted debits and credits of every account after a given event.
--   $1 event
-- From the counters that the writer kept at the last close of each currency's window, or at the last archive, and the
-- postings since.
WITH windows AS (
    SELECT DISTINCT ON (currency) number, currency, closing_seq
      FROM ledger.settlement_window
     WHERE closing_seq <= $1
     ORDER BY currency, closing_seq DESC
), archived AS (
    SELECT last_seq, convert_from(state, 'UTF8')::jsonb -> 'balances' AS balances
      FROM ledger.archive
     WHERE last_seq <= $1
     ORDER BY last_seq DESC
     LIMIT 1
), known AS (
    SELECT account.number AS account, windows.closing_seq AS seq, balance.debits_posted AS debits,
           balance.credits_posted AS credits
      FROM ledger.account
      JOIN windows USING (currency)
      JOIN ledger.window_balance AS balance
        ON balance.settlement_window = windows.number AND balance.account = account.number
     UNION ALL
    SELECT account.number, last_seq, coalesce((balances -> account.number::text ->> 'debits_posted')::bigint, 0),
           coalesce((balances -> account.number::text ->> 'credits_posted')::bigint, 0)
      FROM ledger.account CROSS JOIN archived
     UNION ALL
    SELECT number, 0, 0, 0 FROM ledger.account
), base AS (
    SELECT DISTINCT ON (account) account, seq, debits, credits FROM known ORDER BY account, seq DESC
), posted AS (
    SELECT event.seq, leg.debit, leg.credit, leg.amount
      FROM ledger.event
      JOIN ledger.leg ON leg.number = event.number
     WHERE event.seq > (SELECT min(seq) FROM base)
       AND event.seq <= $1
       AND event.change <> ''
       AND get_byte(event.change, 0) IN (ascii('P'), ascii('M'), ascii('C'))
), sides AS (
    SELECT debit AS account, seq, amount AS debits, 0 AS credits FROM posted
     UNION ALL
    SELECT credit, seq, 0, amount FROM posted
), since AS (
    SELECT account, sum(sides.debits) AS debits, sum(sides.credits) AS credits
      FROM sides JOIN base USING (account)
     WHERE sides.seq > base.seq
     GROUP BY account
)
SELECT account, (base.debits + coalesce(since.debits, 0))::bigint AS debits,
       (base.credits + coalesce(since.credits, 0))::bigint AS credits
  FROM base LEFT JOIN since USING (account)
 ORDER BY account;
