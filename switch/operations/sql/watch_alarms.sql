-- watch_alarms: alarms about a payment that concern accounts of a participant.
--   $1 UETR  $2 participant
SELECT a.rule, a.kind, a.raised_at, a.examined, a.outcome, r.currency::text, r.minor, r.percent, r.count, r.hour_from, r.hour_until
FROM switch.watch_alarm AS a JOIN switch.watch_rule AS r ON r.number = a.rule
WHERE a.uetr = $1 AND a.participant = $2 ORDER BY a.rule
