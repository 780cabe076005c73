-- visible_payment: the number of a payment, if the owners may see it; of two, the one that an owner sent.
--   $1 UETR, or what an owner states of its payment  $2 owners, or null for all
SELECT p.number FROM ledger.transfer AS t JOIN switch.payment AS p USING (number)
 WHERE t.id = ANY ($1::uuid || ARRAY(SELECT o.uetr FROM switch.own_uetr AS o WHERE o.stated = $1 AND o.sender = ANY ($2)))
   AND ($2::text[] IS NULL OR p.sender = ANY ($2) OR p.debtor_agent = ANY ($2)
        OR (p.creditor_agent = ANY ($2) AND p.native_ref <> ''))
 ORDER BY p.sender = ANY ($2) DESC, t.id = $1 DESC LIMIT 1
