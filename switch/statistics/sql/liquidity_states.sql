-- liquidity_states: exposure and cap of each account after its newest day before an instant.
--   $1 before this day
SELECT DISTINCT ON (account) account, exposure, cap FROM switch.liquidity_fact
 WHERE span = 'day' AND at < $1
 ORDER BY account, at DESC
