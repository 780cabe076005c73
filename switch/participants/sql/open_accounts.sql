-- open_accounts: the accounts of a participant that are not closed.
--   $1 participant
SELECT currency::text, purpose FROM ledger.account WHERE owner = $1 AND NOT closed ORDER BY number
