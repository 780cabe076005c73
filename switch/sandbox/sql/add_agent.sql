-- add_agent: insert a settlement agent as a participant.
--   $1 id  $2 name  $3 BIC  $4 country
INSERT INTO switch.participant (id, name, bic, country, kind)
VALUES ($1, $2, $3, $4, 'settlement_agent') ON CONFLICT DO NOTHING
