-- lock_case: one case, locked for the running transaction.
--   $1 number
SELECT *, closed_at IS NULL AND due_at <= clock_timestamp() AS late FROM switch.case_file WHERE number = $1 FOR UPDATE
