-- has_unread_parties: whether the parties of a payment are not read yet.
--   $1 up to this payment
SELECT EXISTS (
    SELECT FROM switch.payment
    WHERE number <= $1 AND number > (SELECT coalesce(max(number), 0) FROM switch.payment_party))
