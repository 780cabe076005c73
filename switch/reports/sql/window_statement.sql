-- window_statement: balance of each account when a window opened, and the window's postings on it.
--   $1 number of a closed window  $2 owners, or null for all
-- The difference of two snapshots of the accounts' own counters: no posting is read.
WITH this AS (
    SELECT * FROM ledger.settlement_window WHERE number = $1 AND closing_seq IS NOT NULL
), before AS (
    SELECT max(earlier.number) AS number
      FROM ledger.settlement_window AS earlier
      JOIN this ON this.currency = earlier.currency AND earlier.number < this.number
)
SELECT a.owner, a.purpose,
       coalesce(first.debits_posted, 0) AS opening_debits,
       coalesce(first.credits_posted, 0) AS opening_credits,
       last.debits_posted - coalesce(first.debits_posted, 0) AS debits,
       last.credits_posted - coalesce(first.credits_posted, 0) AS credits,
       last.entries - coalesce(first.entries, 0) AS count
  FROM this
 CROSS JOIN before
  JOIN ledger.window_balance AS last ON last.settlement_window = this.number
  JOIN ledger.account AS a ON a.number = last.account
  LEFT JOIN ledger.window_balance AS first
         ON first.settlement_window = before.number AND first.account = a.number
 WHERE ($2::text[] IS NULL OR a.owner = ANY ($2))
   AND (last.entries > 0 OR a.purpose = 'position')
 ORDER BY a.owner, a.purpose, a.number;
