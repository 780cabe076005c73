-- breaks_of_payment: the reconciliation breaks of a payment.
--   $1 UETR
SELECT id, kind, detail, found_at, resolved_at FROM switch.reconciliation_break WHERE uetr = $1 ORDER BY id
