-- choices: options of form fields: countries, currencies, participants, people, destinations and schedules of reports.
SELECT (SELECT array_agg(DISTINCT country::text ORDER BY country::text) FROM switch.participant) AS countries,
       (SELECT array_agg(DISTINCT currency::text ORDER BY currency::text) FROM ledger.account) AS currencies,
       (SELECT array_agg(id ORDER BY id) FROM switch.participant WHERE status <> 'removed') AS participants,
       (SELECT array_agg(name ORDER BY id) FROM switch.participant WHERE status <> 'removed') AS participant_names,
       (SELECT array_agg(name ORDER BY name) FROM switch.person WHERE status <> 'removed') AS people,
       (SELECT array_agg(name ORDER BY name) FROM switch.report_destination WHERE removed_at IS NULL) AS destinations,
       (SELECT array_agg(name ORDER BY name) FROM switch.report_schedule WHERE removed_at IS NULL) AS schedules
