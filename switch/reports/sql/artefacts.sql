-- artefacts: what was made, newest first.
--   $1 scope, or null for all  $2 at most so many
SELECT number, sha256, report, format, parameters, scope, caller, revealed, as_of, event, octets, signature, made_at
  FROM switch.report_artefact
 WHERE $1::text IS NULL OR scope = $1
 ORDER BY number DESC
 LIMIT $2;
