-- is_agent: whether a participant is a settlement agent, or was the agent of a settlement.
--   $1 participant
SELECT true WHERE EXISTS (SELECT FROM switch.settlement_agent WHERE agent = $1)
   OR EXISTS (SELECT FROM switch.settlement WHERE agent = $1)
