-- read_positions: every account with its counters.
--   $1 owner, or null for all
SELECT number, owner, currency::text AS currency, purpose, closed, net_debit_cap,
       debits_pending, debits_posted, credits_pending, credits_posted
  FROM ledger.account
 WHERE $1::text IS NULL OR owner = $1
 ORDER BY owner, currency, purpose;
