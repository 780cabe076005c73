-- country_positions: the open accounts of a country's participants.
SELECT owner, currency::text, purpose, credits_posted - debits_posted AS net, debits_pending AS held,
       net_debit_cap AS cap,
       credits_posted + net_debit_cap - debits_posted - debits_pending AS headroom
FROM regulator.position WHERE NOT closed ORDER BY owner, currency, purpose
