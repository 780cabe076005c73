-- add_probe: store the result of a probe.
--   $1 service  $2 whether it responded  $3 duration, microseconds  $4 interval of the probes, seconds  $5 detail
INSERT INTO switch.probe (service, ok, micros, every_s, detail) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING
