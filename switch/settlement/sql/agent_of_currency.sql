-- agent_of_currency: the settlement agent of a currency, with its account and its endpoint.
--   $1 currency
SELECT a.agent, a.scheme_bic, a.account, a.door, p.bic FROM switch.settlement_agent AS a
JOIN switch.participant AS p ON p.id = a.agent WHERE a.currency = $1
