-- end_sessions_of_issuer: end sessions that a provider began; returns their people.
--   $1 issuer  $2 session id at the provider, or null for all  $3 subject, or null for all
WITH ended AS (
    DELETE FROM switch.session WHERE issuer = $1 AND ($2::text IS NULL OR sid = $2)
       AND ($3::text IS NULL OR person IN (SELECT person FROM switch.person_subject WHERE issuer = $1 AND subject = $3))
    RETURNING person, family
)
SELECT person, count(DISTINCT family) AS sessions FROM ended GROUP BY person ORDER BY person
