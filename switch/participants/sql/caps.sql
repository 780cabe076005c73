-- caps: an account's net debit cap, and the largest one of others in the currency.
--   $1 participant  $2 currency  $3 purpose
SELECT (SELECT net_debit_cap FROM ledger.account
        WHERE owner = $1 AND currency = $2 AND purpose = $3 AND NOT closed) AS own,
       (SELECT max(net_debit_cap) FROM ledger.account
        WHERE currency = $2 AND purpose = $3 AND NOT closed AND owner <> $1) AS others
