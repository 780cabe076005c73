-- end_sessions: end the sessions of a person; returns their families.
--   $1 person  $2 the family of one session, or null for all
WITH ended AS (
    DELETE FROM switch.session WHERE person = $1 AND ($2::uuid IS NULL OR family = $2) RETURNING family
)
SELECT DISTINCT family FROM ended
