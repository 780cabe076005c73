-- Third: the present table becomes the first partition. Nothing is copied or read.
SET LOCAL lock_timeout = '2s';
LOCK TABLE switch.message IN ACCESS EXCLUSIVE MODE;
ALTER TABLE switch.message RENAME TO message_1;
ALTER INDEX switch.message_pkey RENAME TO message_1_pkey;
CREATE TABLE switch.message (
    LIKE switch.message_1,
    PRIMARY KEY (number, direction),
    CONSTRAINT message_direction_check CHECK (direction IN (0, 1))
) PARTITION BY RANGE (number);
REVOKE ALL ON switch.message_1 FROM payswitch_writer, payswitch_reader;
REVOKE UPDATE, DELETE ON switch.message FROM payswitch_writer;
DO $do$
DECLARE
    edge text;
BEGIN
    SELECT (regexp_match(pg_get_constraintdef(oid), 'number < (\d+)'))[1] INTO STRICT edge
      FROM pg_constraint WHERE conrelid = 'switch.message_1'::regclass AND conname = 'message_bounds';
    EXECUTE format('ALTER TABLE switch.message ATTACH PARTITION switch.message_1 FOR VALUES FROM (1) TO (%s)', edge);
END
$do$;
ALTER TABLE switch.message_1 DROP CONSTRAINT message_bounds;

SELECT ledger.add_partitions('switch.message', 16777216, (SELECT next_seq FROM ledger.head) + 3 * 16777216);

-- What is in a message is sealed under a key of its payment's own. Whoever deletes the key erases what was said, and
-- leaves every hash of it as it is. A key is itself sealed under the installation's, which no database holds.
CREATE TABLE switch.message_key (
    number bigint PRIMARY KEY,
    sealed bytea NOT NULL
);
REVOKE UPDATE, DELETE ON switch.message_key FROM payswitch_writer;

-- record_keys: the keys of the payments of one batch, in the ledger's own transaction.
CREATE FUNCTION switch.record_keys(numbers bigint[], keys bytea[]) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO switch.message_key (number, sealed) SELECT * FROM unnest(numbers, keys);
$$;
