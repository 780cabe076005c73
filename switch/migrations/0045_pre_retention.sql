-- Ageing: what is no evidence is forgotten in time, and an endpoint's own deliveries are found without anybody else's.
ALTER TABLE switch.webhook_delivery ADD COLUMN made_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX webhook_delivery_due_of ON switch.webhook_delivery (webhook, due_at) WHERE due_at IS NOT NULL;
DROP INDEX switch.webhook_delivery_due;
CREATE INDEX webhook_delivery_made ON switch.webhook_delivery (made_at);
CREATE INDEX probe_at ON switch.probe (at);
CREATE INDEX report_artefact_made ON switch.report_artefact (made_at);

-- The application cannot delete these; it can have old ones forgotten, and none of the last thirty days.
CREATE FUNCTION switch.forget_probes(before timestamptz, most integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH old AS (
        SELECT service, at FROM switch.probe
        WHERE at < least(before, clock_timestamp() - interval '30 days') ORDER BY at LIMIT most
    ), gone AS (
        DELETE FROM switch.probe AS p USING old WHERE p.service = old.service AND p.at = old.at RETURNING 1
    )
    SELECT count(*) FROM gone
$$;

CREATE FUNCTION switch.forget_artefacts(before timestamptz, most integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH old AS (
        SELECT number FROM switch.report_artefact
        WHERE made_at < least(before, clock_timestamp() - interval '30 days') ORDER BY made_at LIMIT most
    ), gone AS (
        DELETE FROM switch.report_artefact AS a USING old WHERE a.number = old.number RETURNING 1
    )
    SELECT count(*) FROM gone
$$;

REVOKE EXECUTE ON FUNCTION switch.forget_probes, switch.forget_artefacts FROM PUBLIC;
GRANT EXECUTE ON FUNCTION switch.forget_probes, switch.forget_artefacts TO payswitch_writer;
