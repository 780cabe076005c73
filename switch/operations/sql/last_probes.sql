-- last_probes: the last probe of each service in the last day.
SELECT DISTINCT ON (service) service, at, ok, micros, detail FROM switch.probe
WHERE at > clock_timestamp() - interval '1 day' ORDER BY service, at DESC
