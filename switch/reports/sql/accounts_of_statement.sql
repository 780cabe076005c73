-- accounts_of_statement: a participant's accounts in a currency, its position first.
--   $1 participant  $2 currency  $3 purpose, or null for all
SELECT a.number, a.purpose, coalesce(p.bic, '') AS bic
  FROM ledger.account AS a LEFT JOIN switch.participant AS p ON p.id = a.owner
 WHERE a.owner = $1 AND a.currency = $2 AND ($3::text IS NULL OR a.purpose = $3)
 ORDER BY a.purpose <> 'position', a.purpose, a.number
