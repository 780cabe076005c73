-- set_instructed: set the state of a settlement, with its instruction and its agent.
--   $1 window  $2 state  $3 message id  $4 file  $5 SHA-256 of the file  $6 instant  $7 agent
UPDATE switch.settlement
SET state = $2, message_id = $3, file = $4, file_sha256 = $5, changed_at = $6, agent = $7
WHERE settlement_window = $1
