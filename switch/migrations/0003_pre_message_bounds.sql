-- Messages become partitioned by the payment's number as the event log is by its sequence, of which it is part: the same
-- three steps under traffic. First: the promise of what the present table will hold.
SET LOCAL lock_timeout = '2s';
DO $do$
DECLARE
    span constant bigint := 16777216;
    edge bigint;
BEGIN
    SELECT ((next_seq + span / 2) / span + 1) * span + 1 INTO STRICT edge FROM ledger.head;
    EXECUTE format(
        'ALTER TABLE switch.message ADD CONSTRAINT message_bounds CHECK (number >= 1 AND number < %s) NOT VALID', edge);
END
$do$;
