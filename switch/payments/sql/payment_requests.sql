-- payment_requests: those that a participant made or that were made to it, newest first.
--   $1 participant  $2 id, or none for all  $3 number before which they are  $4 how many
SELECT q.number, q.id, q.asker, q.debtor_agent, q.message_id, q.uetr, q.currency, q.minor, q.asked_at, q.expires_at, q.state,
       q.payment, q.reason, q.ended_at
FROM switch.payment_request AS q
WHERE (q.asker = $1 OR q.debtor_agent = $1) AND ($2::uuid IS NULL OR q.id = $2) AND q.number < $3
ORDER BY q.number DESC LIMIT $4
