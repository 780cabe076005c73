-- history_of_payments: every event of some payments, in order.
--   $1 payments
-- What began in an archive was checked when it was detached.
SELECT e.number, e.kind, e.body FROM ledger.event AS e
JOIN switch.payment AS p USING (number)
WHERE e.number > coalesce((SELECT max(last_seq) FROM ledger.archive), 0) AND e.number = ANY($1)
ORDER BY e.number, e.seq
