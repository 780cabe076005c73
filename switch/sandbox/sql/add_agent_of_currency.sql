-- add_agent_of_currency: make a participant the settlement agent of a currency.
--   $1 currency  $2 agent  $3 BIC of the scheme  $4 account
INSERT INTO switch.settlement_agent (currency, agent, scheme_bic, account)
VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
