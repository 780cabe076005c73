-- allowed_own_uetrs: which payments have a UETR of their own: another sender has used the one that their message
-- states, or their rail knows them by it from before a restore. Otherwise one message would be two payments.
--   $1 own UETRs  $2 stated UETRs  $3 senders
SELECT o.own FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS o (own, stated, sender)
WHERE EXISTS (SELECT FROM ledger.transfer AS t JOIN switch.payment AS p ON p.number = t.number
               WHERE t.id = o.stated AND p.sender <> o.sender)
   OR EXISTS (SELECT FROM switch.restore_line AS l WHERE l.uetr = o.own)
