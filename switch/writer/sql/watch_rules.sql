-- watch_rules: all watch rules.
SELECT kind, participant, source, target, currency::text, number, minor, percent, count, hour_from, hour_until, action, since, until
FROM switch.watch_rule
