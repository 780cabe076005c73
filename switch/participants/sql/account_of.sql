-- account_of: an account's cap and headroom, and whether it is closed.
--   $1 participant  $2 currency  $3 purpose
SELECT closed, net_debit_cap AS cap,
       credits_posted + net_debit_cap - debits_posted - debits_pending AS headroom
FROM ledger.account WHERE owner = $1 AND currency = $2 AND purpose = $3
