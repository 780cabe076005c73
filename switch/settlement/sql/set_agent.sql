-- set_agent: appoint the settlement agent of a currency.
--   $1 currency  $2 agent  $3 the scheme's BIC  $4 account  $5 endpoint, or an empty text
INSERT INTO switch.settlement_agent (currency, agent, scheme_bic, account, door)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (currency) DO UPDATE SET agent = excluded.agent, scheme_bic = excluded.scheme_bic,
                                     account = excluded.account, door = excluded.door
