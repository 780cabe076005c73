-- What payments claim, so that none of it comes again under another UETR; switch/writer/duplicates.py says what and why.
-- A key is a keyed hash. A row is of no use after `until`, and is then forgotten.
CREATE TABLE switch.claim (
    key    uuid PRIMARY KEY,
    number bigint NOT NULL, -- of the payment that claims it
    until  timestamptz NOT NULL
);
CREATE INDEX claim_until ON switch.claim (until);
REVOKE DELETE ON switch.claim FROM payswitch_writer;

-- record_claims: what one batch claims, in the ledger's own transaction. A claim that has expired is taken over.
CREATE FUNCTION switch.record_claims(keys uuid[], numbers bigint[], untils bigint[]) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO switch.claim (key, number, until)
    SELECT t.key, t.number, to_timestamp(t.until / 1e6) FROM unnest(keys, numbers, untils) AS t (key, number, until)
    ON CONFLICT (key) DO UPDATE SET number = excluded.number, until = excluded.until;
$$;

-- The application cannot delete a claim; it can have those forgotten that hold no more.
CREATE FUNCTION switch.forget_claims(before timestamptz, most integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH old AS (
        SELECT key FROM switch.claim WHERE until < least(before, clock_timestamp()) ORDER BY until LIMIT most
    ), gone AS (
        DELETE FROM switch.claim AS c USING old WHERE c.key = old.key AND c.until < clock_timestamp() RETURNING 1
    )
    SELECT count(*) FROM gone
$$;

REVOKE EXECUTE ON FUNCTION switch.forget_claims FROM PUBLIC;
GRANT EXECUTE ON FUNCTION switch.forget_claims TO payswitch_writer;
