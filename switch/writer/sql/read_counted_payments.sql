-- read_counted_payments: the share of open payments in their debtor agents' daily use; days count from 1970.
SELECT number, participant, currency::text, day - date 'epoch' AS day, minor FROM switch.counted_payment
