-- add_message: store a message, unless it was stored before.
--   $1 id  $2 UETR, or none  $3 sender, or none for the switch  $4 receiver  $5 definition  $6 message id
--   $7 fingerprint  $8 encrypted content  $9 encrypted key
INSERT INTO switch.correspondence (
    id, uetr, sender, receiver, definition, message_id, fingerprint, body, sealed_key
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING RETURNING seq
