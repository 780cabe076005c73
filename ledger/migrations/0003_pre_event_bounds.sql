-- The event log becomes partitioned by sequence number, under traffic, in three steps. First: what the present table
-- will be the partition of, promised from now on and not yet looked at. Half a partition of room is left, so that the
-- promise cannot be broken before the third step.
SET LOCAL lock_timeout = '2s';
DO $do$
DECLARE
    span constant bigint := 16777216;
    edge bigint;
BEGIN
    SELECT ((next_seq + span / 2) / span + 1) * span + 1 INTO STRICT edge FROM ledger.head;
    EXECUTE format('ALTER TABLE ledger.event ADD CONSTRAINT event_bounds CHECK (seq >= 1 AND seq < %s) NOT VALID', edge);
END
$do$;
