-- keys: the signing keys of a participant, each with its state.
--   $1 participant
SELECT keyid, algorithm, public_key, valid_from, valid_until, revoked_at,
       CASE WHEN revoked_at IS NOT NULL THEN 'revoked'
            WHEN valid_from > clock_timestamp() THEN 'future'
            WHEN valid_until <= clock_timestamp() THEN 'retired'
            ELSE 'in force' END AS state
FROM switch.participant_key WHERE participant = $1 ORDER BY valid_from, keyid
