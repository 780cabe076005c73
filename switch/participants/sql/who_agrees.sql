-- who_agrees: who can agree for a participant, or for the central bank of a country.
--   $1 role of its people  $2 id of the participant, or country  $3 person who does not count
SELECT EXISTS (
           SELECT FROM switch.person WHERE role = $1 AND scope = $2 AND status = 'active' AND name <> $3
       ) AS has_people,
       EXISTS (
           SELECT FROM switch.person WHERE role = $1 AND scope = $2 AND (status <> 'invited' OR totp_step > 0)
       ) OR EXISTS (SELECT FROM switch.participant_key WHERE participant = $2) AS is_known,
       coalesce((SELECT country FROM switch.participant WHERE id = $2), '') AS country,
       EXISTS (
           SELECT FROM switch.person
           WHERE role = 'regulator' AND status <> 'removed' AND name <> $3
             AND ($1 = 'regulator' OR scope = (SELECT country FROM switch.participant WHERE id = $2))
       ) AS has_central_bank
