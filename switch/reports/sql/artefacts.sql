-- artefacts: report files, newest first.
--   $1 scope, or null for all  $2 maximum number  $3 before this number, or null
--   $4 made since, or null  $5 made before, or null
SELECT number, sha256, report, format, parameters, scope, caller, revealed, as_of, event, octets, signature, made_at
  FROM switch.report_artefact
 WHERE ($1::text IS NULL OR scope = $1) AND ($3::bigint IS NULL OR number < $3)
   AND ($4::timestamptz IS NULL OR made_at >= $4) AND ($5::timestamptz IS NULL OR made_at < $5)
 ORDER BY number DESC
 LIMIT $2;
