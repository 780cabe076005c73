-- end_unpaid_recalls: two people end the recalls of a payment that were agreed, and not paid in their time; how many.
--   $1 UETR  $2 why they are rejected  $3 change
WITH ended AS (
    UPDATE switch.recall AS r
       SET state = 'unpaid', code = $2, change = $3, due_at = NULL, ended_at = date_trunc('milliseconds', clock_timestamp())
      FROM switch.payment AS p
     WHERE p.uetr = $1 AND r.payment = p.number AND r.state = 'agreed' AND r.ended_at IS NULL AND r.until_at <= clock_timestamp()
    RETURNING 1
)
SELECT count(*) FROM ended
