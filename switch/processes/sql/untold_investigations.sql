-- untold_investigations: what the switch has to say to askers: what people do, and the outcomes for which questions waited.
--   $1 how many
SELECT i.* FROM switch.investigation AS i
WHERE (i.ended_at IS NULL OR i.told_at IS NULL)
  AND (i.told_at IS NULL OR (i.state = 'waiting' AND EXISTS (SELECT FROM ledger.transfer AS t WHERE t.id = i.uetr)
                             AND NOT EXISTS (SELECT FROM switch.open_payment AS o WHERE o.uetr = i.uetr)))
ORDER BY i.asked_at LIMIT $1
