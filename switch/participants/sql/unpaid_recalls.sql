-- unpaid_recalls: how many recalls of a payment were agreed, and not paid in their time.
--   $1 UETR
SELECT count(*) FROM switch.recall AS r JOIN switch.payment AS p ON p.number = r.payment
WHERE p.uetr = $1 AND r.state = 'agreed' AND r.ended_at IS NULL AND r.until_at <= clock_timestamp()
