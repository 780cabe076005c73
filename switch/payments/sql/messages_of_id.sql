-- messages_of_id: messages of participants with this name and id.
--   $1 receiver  $2 name  $3 message id
SELECT id, sender, definition, at FROM switch.correspondence
WHERE receiver = $1 AND left(definition, 8) = $2 AND message_id = $3 AND sender IS NOT NULL ORDER BY seq
