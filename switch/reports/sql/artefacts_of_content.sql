-- artefacts_of_content: the files that were made with this content, the first of each, oldest first.
--   $1 SHA-256 of the report as JSON, or of a file  $2 maximum number
SELECT f.report, f.format, f.sha256, min(f.made_at) AS made_at
  FROM switch.report_artefact AS f
 WHERE f.content = $1 OR f.sha256 = $1
 GROUP BY f.report, f.format, f.sha256
 ORDER BY made_at
 LIMIT $2
