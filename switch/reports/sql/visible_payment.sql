-- visible_payment: the number of a payment, if the owners may see it.
--   $1 UETR  $2 owners, or null for all
SELECT p.number FROM ledger.transfer AS t JOIN switch.payment AS p USING (number)
 WHERE t.id = $1
   AND ($2::text[] IS NULL OR p.sender = ANY ($2) OR p.debtor_agent = ANY ($2)
        OR (p.creditor_agent = ANY ($2) AND p.native_ref <> ''))
