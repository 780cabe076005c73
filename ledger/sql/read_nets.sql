-- read_nets: each account's balance when a window opened, and what it was debited and credited in the window: the
-- difference of two snapshots.
--   $1 numbers of windows; while one is open, its end is now
-- Every account that existed is returned, by owner and purpose.
WITH this AS (
    SELECT w.number, w.currency, w.closing_seq,
           (SELECT max(earlier.number) FROM ledger.settlement_window AS earlier
             WHERE earlier.currency = w.currency AND earlier.number < w.number) AS before
      FROM ledger.settlement_window AS w
     WHERE w.number = ANY ($1::bigint[])
)
SELECT this.number AS settlement_window, a.owner, a.purpose,
       coalesce(first.debits_posted, 0) AS opening_debits,
       coalesce(first.credits_posted, 0) AS opening_credits,
       CASE WHEN this.closing_seq IS NULL THEN a.debits_posted ELSE last.debits_posted END
           - coalesce(first.debits_posted, 0) AS debits,
       CASE WHEN this.closing_seq IS NULL THEN a.credits_posted ELSE last.credits_posted END
           - coalesce(first.credits_posted, 0) AS credits,
       CASE WHEN this.closing_seq IS NULL THEN a.entries ELSE last.entries END
           - coalesce(first.entries, 0) AS count
  FROM this
  JOIN ledger.account AS a ON a.currency = this.currency
  LEFT JOIN ledger.window_balance AS last
         ON last.settlement_window = this.number AND last.account = a.number
  LEFT JOIN ledger.window_balance AS first
         ON first.settlement_window = this.before AND first.account = a.number
 WHERE this.closing_seq IS NULL OR last.account IS NOT NULL
 ORDER BY a.owner, a.purpose, a.number;
