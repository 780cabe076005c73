-- use_passkey: record the use of a passkey.
--   $1 id  $2 signature counter
UPDATE switch.passkey SET counter = $2, used_at = clock_timestamp() WHERE id = $1
