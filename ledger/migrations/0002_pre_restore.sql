-- A restore to an earlier instant: the log has an id that every copy of the database keeps, and states what each
-- restore left out.
ALTER TABLE ledger.head ADD COLUMN log uuid NOT NULL DEFAULT gen_random_uuid(); -- which log this is

-- Each restore begins a new epoch of the audit log: the tree goes on after `kept`, and what was published of the log
-- between `kept` and `first` is left out.
CREATE TABLE ledger.restore (
    number    smallint PRIMARY KEY,
    kept      bigint NOT NULL,                             -- the last event that the restored database had
    root      bytea NOT NULL,                              -- of the tree of the kept events
    first     bigint NOT NULL CHECK (first > kept),        -- the event that states the restore
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    published text NOT NULL                                -- the last checkpoint that is left out; empty: none is known
);
