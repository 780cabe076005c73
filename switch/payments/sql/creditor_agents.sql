-- creditor_agents: the creditor agent of each payment, found by the ledger's index of ids.
--   $1 UETRs
SELECT t.id AS uetr, p.creditor_agent
FROM ledger.transfer AS t JOIN switch.payment AS p USING (number)
WHERE t.id = ANY($1::uuid[])
