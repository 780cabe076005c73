-- untold_recalls: recalls that have ended, and whose asker has no answer yet.
--   $1 how many
SELECT r.id, r.request::text AS request, r.code, r.ended_at, r.asker, p.uetr
FROM switch.recall AS r JOIN switch.payment AS p ON p.number = r.payment
WHERE r.ended_at IS NOT NULL AND r.told_at IS NULL ORDER BY r.ended_at LIMIT $1
