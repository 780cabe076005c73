-- investigations_of_payment: the questions about a payment, oldest first.
--   $1 UETR in the books  $2 participants that may see their own; NULL: all
SELECT id, name, asker, CASE WHEN until_at IS NOT NULL THEN answerer END AS answerer, type, reason, state, code, answered_by, asked_at, until_at, ended_at FROM switch.investigation
WHERE uetr = $1 AND ($2::text[] IS NULL OR asker = ANY($2) OR (answerer = ANY($2) AND until_at IS NOT NULL)) ORDER BY asked_at
