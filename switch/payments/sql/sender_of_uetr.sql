-- sender_of_uetr: the sender of the payment that the books keep under a UETR.
--   $1 UETR
SELECT p.sender FROM ledger.transfer AS t JOIN switch.payment AS p ON p.number = t.number WHERE t.id = $1
