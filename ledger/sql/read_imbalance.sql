-- read_imbalance: debits less credits of each currency, pending and posted apart; zero at every instant.
SELECT currency::text AS currency,
       sum(debits_pending) - sum(credits_pending) AS pending,
       sum(debits_posted) - sum(credits_posted) AS posted
  FROM ledger.account
 GROUP BY currency
 ORDER BY currency;
