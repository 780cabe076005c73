-- add_rules: add a version of the rules; no row if it exists.
--   $1 version  $2 rules  $3 who added it
INSERT INTO switch.pattern_rules (version, rules, added_by) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING RETURNING version
