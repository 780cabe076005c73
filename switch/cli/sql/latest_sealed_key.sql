-- latest_sealed_key: the encrypted data key of the latest payment that has one, to check the key file with.
SELECT t.id AS uetr, k.sealed
  FROM switch.message_key AS k
  JOIN ledger.transfer AS t ON t.number = k.number
 WHERE k.sealed <> ''
 ORDER BY k.number DESC
 LIMIT 1;
