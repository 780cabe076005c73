-- add_confirmation: store a settlement agent's confirmation, once; no row if it is stored already.
--   $1 SHA-256 of the body  $2 agent  $3 message id  $4 body  $5 media type  $6 signature
--   $7 base of the signature, if it is an HTTP message signature
INSERT INTO switch.settlement_confirmation (sha256, agent, message, body, media_type, signature, base)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING true
