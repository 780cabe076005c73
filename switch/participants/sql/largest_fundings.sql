-- largest_fundings: the largest funding of an account and of any account; the account's balance and cap.
--   $1 participant  $2 currency  $3 purpose
WITH moved AS (
    SELECT a.owner, l.amount FROM ledger.transfer AS t JOIN ledger.leg AS l USING (number)
    JOIN ledger.account AS a ON a.number IN (l.debit, l.credit) AND a.currency = $2 AND a.purpose = $3
    WHERE t.kind = 'single_phase' AND l.purpose = 'funding'
)
SELECT (SELECT max(amount) FROM moved WHERE owner = $1) AS own, (SELECT max(amount) FROM moved) AS anybody,
       a.credits_posted - a.debits_posted AS balance, a.net_debit_cap AS cap
FROM (SELECT) AS one
LEFT JOIN ledger.account AS a ON a.owner = $1 AND a.currency = $2 AND a.purpose = $3
