-- uetr_of_break: the UETR of the payment of a break, if the switch has it.
--   $1 break
SELECT b.uetr FROM switch.reconciliation_break AS b JOIN ledger.transfer AS t ON t.id = b.uetr
WHERE b.id = $1
