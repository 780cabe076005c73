-- verify_window_balances: one closed window's snapshot.
--   $1 number of the window
SELECT account, debits_posted, credits_posted, entries
  FROM ledger.window_balance
 WHERE settlement_window = $1;
