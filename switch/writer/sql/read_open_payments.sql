-- read_open_payments: payments that are not final, with the state of their enquiries.
--   $1 UETRs
SELECT number, uetr, state, rail, credit_minor, credit_currency,
       entered_at, expires_at, due_at, enquiries, sendings, pending, absences, absent_at, unanswered
FROM switch.open_payment
WHERE uetr = ANY($1)
