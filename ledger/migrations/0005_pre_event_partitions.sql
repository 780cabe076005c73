-- Third: the present table becomes the first partition of one that is partitioned. Nothing is copied or read: the
-- checked promise stands for the bounds.
SET LOCAL lock_timeout = '2s';
LOCK TABLE ledger.event IN ACCESS EXCLUSIVE MODE;
ALTER TABLE ledger.event RENAME TO event_1;
ALTER INDEX ledger.event_pkey RENAME TO event_1_pkey;
ALTER INDEX ledger.event_number RENAME TO event_1_number_seq_idx;
CREATE TABLE ledger.event (LIKE ledger.event_1, PRIMARY KEY (seq)) PARTITION BY RANGE (seq);
CREATE INDEX event_number ON ledger.event (number, seq);
REVOKE ALL ON ledger.event FROM payswitch_writer, payswitch_reader;
GRANT SELECT ON ledger.event TO payswitch_writer, payswitch_reader;
GRANT INSERT ON ledger.event TO payswitch_writer;
REVOKE ALL ON ledger.event_1 FROM payswitch_writer, payswitch_reader;
DO $do$
DECLARE
    edge text;
BEGIN
    SELECT (regexp_match(pg_get_constraintdef(oid), 'seq < (\d+)'))[1] INTO STRICT edge
      FROM pg_constraint WHERE conrelid = 'ledger.event_1'::regclass AND conname = 'event_bounds';
    EXECUTE format('ALTER TABLE ledger.event ATTACH PARTITION ledger.event_1 FOR VALUES FROM (1) TO (%s)', edge);
END
$do$;
ALTER TABLE ledger.event_1 DROP CONSTRAINT event_bounds;

-- Partitions of an append-only table are made ahead of the sequence, `span` numbers each, until the last ends behind
-- `until`; how many were made. A partition is made beside the table and then attached: writers are not held up.
CREATE FUNCTION ledger.add_partitions(parent regclass, span bigint, until bigint) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
    edge bigint;
    made integer := 0;
    parent_schema text;
    parent_name text;
    partition text;
BEGIN
    IF span < 256 OR span % 256 <> 0 THEN
        RAISE EXCEPTION 'a partition holds whole subtrees of 256 events, not %', span;
    END IF;
    SELECT nspname, relname INTO STRICT parent_schema, parent_name
      FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
     WHERE pg_class.oid = parent AND relkind = 'p';
    EXECUTE format('LOCK TABLE %s IN SHARE UPDATE EXCLUSIVE MODE', parent);
    SELECT coalesce(max((regexp_match(pg_get_expr(relpartbound, oid), 'TO \(''(\d+)''\)'))[1]::bigint), 1) INTO edge
      FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = parent;
    WHILE edge < until LOOP
        partition := format('%I.%I', parent_schema, parent_name || '_' || edge);
        EXECUTE format('CREATE TABLE %s (LIKE %s INCLUDING CONSTRAINTS INCLUDING STORAGE)', partition, parent);
        EXECUTE format('REVOKE ALL ON %s FROM payswitch_writer, payswitch_reader', partition);
        EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%s) TO (%s)',
                       parent, partition, edge, edge + span);
        edge := edge + span;
        made := made + 1;
    END LOOP;
    RETURN made;
END
$function$;
REVOKE EXECUTE ON FUNCTION ledger.add_partitions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.add_partitions TO payswitch_writer;

-- History that was detached: what it added up to, by a note that the operator signed. Its events are in files; their
-- leaf hashes stay here, so that every proof can still be made.
CREATE TABLE ledger.archive (
    last_seq  bigint PRIMARY KEY,
    first_seq bigint NOT NULL CHECK (first_seq <= last_seq),
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_at   timestamptz NOT NULL,                        -- of the last event
    state     bytea NOT NULL,                              -- the ledger after the last event, JSON
    note      text NOT NULL                                -- signed: bounds, hashes of the files and of the state
);
CREATE TABLE ledger.archived_leaves (
    block  bigint PRIMARY KEY,                             -- leaves block * 256 and on
    leaves bytea NOT NULL CHECK (length(leaves) = 8192)
);
ALTER TABLE ledger.archived_leaves ALTER COLUMN leaves SET STORAGE EXTERNAL;
REVOKE ALL ON ledger.archive, ledger.archived_leaves FROM payswitch_writer, payswitch_reader;
GRANT SELECT ON ledger.archive, ledger.archived_leaves TO payswitch_writer, payswitch_reader;

SELECT ledger.add_partitions('ledger.event', 16777216, (SELECT next_seq FROM ledger.head) + 3 * 16777216);
