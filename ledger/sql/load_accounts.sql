-- load_accounts: every account, for a writer that takes over.
SELECT number, owner, currency::text, purpose, closed, net_debit_cap,
       debits_pending, debits_posted, credits_pending, credits_posted, entries
  FROM ledger.account
 ORDER BY number;
