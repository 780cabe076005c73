-- add_confirmation: store a settlement agent's confirmation, once; no row if it is stored already.
--   $1 SHA-256 of the body  $2 agent  $3 message id  $4 body  $5 signature  $6 media type
INSERT INTO switch.settlement_confirmation (sha256, agent, message, body, signature, media_type)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING true
