-- read_counted_payments: what open payments have taken of their payers' days; days count from 1970.
SELECT number, participant, currency::text, day - date 'epoch' AS day, minor FROM switch.counted_payment
