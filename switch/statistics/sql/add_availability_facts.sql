-- add_availability_facts: add what the probes of some hours found; the parameters are those of `availability_facts`.
INSERT INTO switch.availability_fact AS fact (span, at, service, probes, failed, observed_us, down_us)
{facts}
ON CONFLICT (span, at, service)
DO UPDATE SET
    probes = fact.probes + excluded.probes,
    failed = fact.failed + excluded.failed,
    observed_us = fact.observed_us + excluded.observed_us,
    down_us = fact.down_us + excluded.down_us
