-- watch_rules_in_force: the newest version of every watch rule.
SELECT DISTINCT ON (kind, participant, source, target, currency)
       kind, participant, source, target, currency::text, number, minor, percent, count, hour_from, hour_until, action,
       since, until, change
FROM switch.watch_rule ORDER BY kind, participant, source, target, currency, since DESC, number DESC
