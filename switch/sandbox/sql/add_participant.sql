-- add_participant: insert a participant, unless it exists.
--   $1 id  $2 name  $3 BIC  $4 country  $5 kind
INSERT INTO switch.participant (id, name, bic, country, kind) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (id) DO NOTHING
