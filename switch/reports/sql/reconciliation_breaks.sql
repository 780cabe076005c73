-- reconciliation_breaks: breaks that were found or open between two instants.
--   $1 since  $2 until  $3 rail, or null for all
SELECT id, rail, cycle, uetr::text AS uetr, kind, detail, found_at, owner,
       CASE WHEN resolved_at < $2 THEN resolved_at END AS resolved_at
  FROM switch.reconciliation_break
 WHERE found_at < $2 AND (found_at >= $1 OR resolved_at IS NULL OR resolved_at >= $1)
   AND ($3::text IS NULL OR rail = $3)
 ORDER BY found_at, id
