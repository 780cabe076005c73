-- limits_of: the limits of a participant in a currency.
--   $1 participant  $2 currency
SELECT per_payment, per_day FROM switch.payment_limit WHERE participant = $1 AND currency = $2
