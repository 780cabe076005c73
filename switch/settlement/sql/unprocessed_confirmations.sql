-- unprocessed_confirmations: confirmations to process, the oldest first; not those of API workers of 0.1.0, which keep no
-- base and process them themselves, as long as they may.
SELECT sha256, agent, body, media_type, signature, base, received_at
FROM switch.settlement_confirmation
WHERE taken_at IS NULL
  AND (base IS NOT NULL OR signature LIKE '%..%'
       OR NOT has_column_privilege('payswitch_api', 'switch.settlement_confirmation', 'taken_at', 'UPDATE'))
ORDER BY received_at LIMIT 100
