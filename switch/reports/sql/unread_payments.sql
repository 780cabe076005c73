-- unread_payments: the payments whose parties were not read yet, oldest first. Payments come in the order of their
-- numbers, so whatever is behind the last one that was read is new.
--   $1 at most so many
SELECT p.number, p.uetr, p.debtor_agent, p.creditor_agent, p.native_ref <> '' AS accepted
  FROM switch.payment AS p
 WHERE p.number > (SELECT coalesce(max(number), 0) FROM switch.payment_party)
 ORDER BY p.number
 LIMIT $1;
