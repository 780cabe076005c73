-- What was decided under the id of an order of people that the ledger has no id for; switch/writer/decided_once.py says why.
CREATE TABLE switch.decided_order (
    id      uuid PRIMARY KEY,
    verdict text NOT NULL,
    number  bigint NOT NULL
);
REVOKE UPDATE, DELETE ON switch.decided_order FROM payswitch_writer;

-- record_orders: what one batch decided, in the ledger's own transaction.
CREATE FUNCTION switch.record_orders(ids uuid[], verdicts text[], numbers bigint[]) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO switch.decided_order (id, verdict, number) SELECT * FROM unnest(ids, verdicts, numbers);
$$;
