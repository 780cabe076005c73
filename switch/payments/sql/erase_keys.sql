-- erase_keys: delete the keys of payments, and record by which event.
--   $1 payments  $2 event
UPDATE switch.message_key SET sealed = NULL, erasure = $2
WHERE number = ANY($1) AND sealed IS NOT NULL
