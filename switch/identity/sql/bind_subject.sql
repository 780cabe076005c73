-- bind_subject: bind a person to a subject of an issuer; returns whether neither was bound.
--   $1 issuer  $2 subject  $3 person
INSERT INTO switch.person_subject (issuer, subject, person)
VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING true
