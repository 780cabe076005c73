-- add_recall: a debtor agent asks for a payment back; a repetition changes nothing.
--   $1 id of the camt.056  $2 UETR  $3 debtor agent  $4 creditor agent  $5 reason  $6 what the answer repeats
--   $7 whether the payee's bank is asked over its rail  $8 how long it has to answer
INSERT INTO switch.recall (id, payment, asker, answerer, reason, request, over_rail, state, until_at, due_at)
SELECT $1, t.number, $3, $4, $5, $6::jsonb, $7, 'asked', clock_timestamp() + $8, CASE WHEN $7 THEN clock_timestamp() END
FROM ledger.transfer AS t WHERE t.id = $2
ON CONFLICT (id) DO NOTHING
