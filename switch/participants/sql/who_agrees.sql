-- who_agrees: who can agree for a participant, or for the central bank of a country.
--   $1 role of its people  $2 id of the participant, or country  $3 person who does not count
-- `substitutes`: the central banks of these countries may agree for one that cannot. Central banks agree to each
-- opened corridor themselves, so nobody else makes one a substitute. Only a central bank that was there before the
-- participant joined stands for it: two people of the switch could found two of them later, which open a corridor
-- with each other.
WITH opened AS (
    SELECT source::text, target::text FROM switch.corridor WHERE enabled
    UNION
    SELECT content::jsonb ->> 'source', content::jsonb ->> 'target' FROM switch.change
    WHERE kind = 'corridor.switch' AND state = 'executed' AND content::jsonb ->> 'enabled' = 'true'
), partner AS (
    SELECT source AS country, target AS other FROM opened
    UNION
    SELECT target, source FROM opened
), central_bank AS (
    SELECT scope AS country, bool_or(status = 'active') AS is_there, min(created_at) AS founded_at
    FROM switch.person
    WHERE role = 'regulator' AND (status <> 'invited' OR totp_step > 0) AND scope IN (SELECT country FROM partner)
    GROUP BY scope
), joined AS (
    SELECT least((SELECT min(created_at) FROM switch.person WHERE role = $1 AND scope = $2),
                 (SELECT min(valid_from) FROM switch.participant_key WHERE participant = $2)) AS at
)
SELECT EXISTS (
           SELECT FROM switch.person WHERE role = $1 AND scope = $2 AND status = 'active' AND name <> $3
       ) AS has_people,
       EXISTS (
           SELECT FROM switch.person WHERE role = $1 AND scope = $2 AND (status <> 'invited' OR totp_step > 0)
       ) AS has_had_people,
       EXISTS (SELECT FROM switch.participant_key WHERE participant = $2) AS has_had_key,
       ARRAY(
           SELECT country FROM central_bank
           WHERE CASE WHEN $1 = 'regulator'
                      THEN is_there AND country IN (SELECT other FROM partner WHERE country = $2)
                      ELSE country = (SELECT country FROM switch.participant WHERE id = $2)
                           AND founded_at < (SELECT at FROM joined) END
           ORDER BY country
       ) AS substitutes
