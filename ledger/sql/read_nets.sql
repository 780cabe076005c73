-- read_nets: what each account was debited and credited in one window: the difference of two snapshots.
--   $1 number of the window; while it is open, its end is now
WITH this AS (
    SELECT * FROM ledger.settlement_window WHERE number = $1
), before AS (
    SELECT max(earlier.number) AS number
      FROM ledger.settlement_window AS earlier
      JOIN this ON this.currency = earlier.currency AND earlier.number < this.number
), counted AS (
    SELECT a.owner, a.purpose, a.number,
           CASE WHEN this.closing_seq IS NULL THEN a.debits_posted ELSE coalesce(last.debits_posted, 0) END
               - coalesce(first.debits_posted, 0) AS debits,
           CASE WHEN this.closing_seq IS NULL THEN a.credits_posted ELSE coalesce(last.credits_posted, 0) END
               - coalesce(first.credits_posted, 0) AS credits,
           CASE WHEN this.closing_seq IS NULL THEN a.entries ELSE coalesce(last.entries, 0) END
               - coalesce(first.entries, 0) AS count
      FROM this
     CROSS JOIN before
      JOIN ledger.account AS a ON a.currency = this.currency
      LEFT JOIN ledger.window_balance AS last
             ON last.settlement_window = this.number AND last.account = a.number
      LEFT JOIN ledger.window_balance AS first
             ON first.settlement_window = before.number AND first.account = a.number
)
SELECT owner, purpose, debits, credits, count
  FROM counted
 WHERE count > 0
 ORDER BY owner, purpose, number;
