-- report_of_chart: a stored report, by the hash of its JSON.
--   $1 SHA-256  $2 scope, or null for all
SELECT report FROM switch.report_artefact
WHERE sha256 = $1 AND format = 'json' AND NOT revealed AND ($2::text IS NULL OR scope = $2) LIMIT 1
