-- end_payment_file_lines: what became of the payments of lines that have ended; how many lines ended now.
--   $1 file  $2 how many
WITH ended AS (
    SELECT l.number, t.kind = 'failed' AS failed, r.outcome, why.reason, why.detail
    FROM switch.payment_file_line AS l
    JOIN ledger.transfer AS t ON t.id = l.uetr AND t.fingerprint = l.fingerprint
    LEFT JOIN ledger.resolution AS r ON r.number = t.number
    LEFT JOIN LATERAL (
        SELECT b.body ->> 'reason' AS reason, b.body ->> 'detail' AS detail
        FROM ledger.event AS e CROSS JOIN LATERAL (SELECT convert_from(e.body, 'UTF8')::jsonb AS body) AS b
        WHERE e.number = t.number AND e.seq >= t.number AND e.kind IN ('REFUSE', 'REJECT', 'EXPIRE', 'CANCEL') ORDER BY e.seq DESC LIMIT 1
    ) AS why ON true
    WHERE l.file = $1 AND l.state = 'taken' AND (t.kind = 'failed' OR r.outcome IN ('posted', 'voided'))
    LIMIT $2
), changed AS (
    UPDATE switch.payment_file_line AS l
    SET state = CASE WHEN ended.outcome = 'posted' THEN 'credited' ELSE 'rejected' END,
        reason = CASE WHEN ended.outcome = 'posted' THEN '' ELSE coalesce(ended.reason, 'MS03') END,
        detail = CASE WHEN ended.outcome = 'posted' THEN '' ELSE coalesce(ended.detail, '') END, sealed_key = NULL, message = NULL
    FROM ended WHERE l.file = $1 AND l.number = ended.number RETURNING 1
)
SELECT count(*) FROM changed
