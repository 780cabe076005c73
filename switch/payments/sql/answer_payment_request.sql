-- answer_payment_request: its debtor agent agrees or refuses.
--   $1 id  $2 state: accepted or refused  $3 reason
UPDATE switch.payment_request
SET state = $2, reason = $3, ended_at = CASE WHEN $2 = 'refused' THEN clock_timestamp() END
WHERE id = $1 AND state IN ('open', 'accepted')
