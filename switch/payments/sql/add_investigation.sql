-- add_investigation: a bank asks about a payment; nothing happens if its id is in use.
--   $1 id  $2 UETR in the books  $3 asker  $4 its name for it  $5 agent on the other side  $6 type  $7 reason
--   $8 fingerprint  $9 id of the message  $10 what answers repeat  $11 state  $12 code  $13 who answered
--   $14 how long the other side has; NULL: it is not asked
INSERT INTO switch.investigation (id, uetr, asker, name, answerer, type, reason, fingerprint, message_id, request, state, code,
                                  answered_by, until_at, ended_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb, $11, $12, $13, clock_timestamp() + $14::interval,
        CASE WHEN $11 IN ('answered', 'rejected') THEN date_trunc('milliseconds', clock_timestamp()) END)
ON CONFLICT DO NOTHING RETURNING id
