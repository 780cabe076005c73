-- unread_payments: the payments whose parties were not read yet, oldest first. Payments are accepted in the order of
-- their numbers, so all payments after the last one that was read are new.
--   $1 maximum number
-- A refused payment, which has no native_ref, is not read, because nobody was paid.
SELECT p.number, p.uetr, p.message_name, p.debtor_agent, p.creditor_agent, m.body, k.sealed
  FROM switch.payment AS p
  LEFT JOIN switch.message AS m ON m.number = p.number AND m.direction = 0 AND p.native_ref <> ''
  LEFT JOIN switch.message_key AS k ON k.number = p.number
 WHERE p.number > (SELECT coalesce(max(number), 0) FROM switch.payment_party)
 ORDER BY p.number
 LIMIT $1;
