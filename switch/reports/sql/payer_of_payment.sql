-- payer_of_payment: the pseudonym of a payment's debtor; null if its message states no account or was erased.
--   $1 number of the payment
SELECT debtor FROM switch.payment_party WHERE number = $1
