-- can_be_agent: whether a participant can be a settlement agent.
--   $1 participant
SELECT true FROM switch.participant
WHERE id = $1 AND status = 'active' AND kind IN ('settlement_agent', 'central_bank')
