-- sender_of_uetr: the sender of the payment that the switch keeps under a UETR: in the books, or held.
--   $1 UETR
SELECT p.sender FROM ledger.transfer AS t JOIN switch.payment AS p ON p.number = t.number WHERE t.id = $1
UNION ALL
SELECT h.sender FROM switch.screening_hold AS h WHERE h.uetr = $1 AND h.ended_at IS NULL
