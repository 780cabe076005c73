-- The audit tree over `ledger.event`: leaf i (from 0) is the leaf of event i + 1.

-- Roots of complete subtrees of 2^level leaves, from level 8 up: a proof reads at most 256 leaves beside these.
-- Made from the leaves, beside the writer; whatever is missing is computed when it is asked for.
CREATE TABLE ledger.audit_node (
    level    smallint NOT NULL CHECK (level >= 8),
    position bigint NOT NULL,                              -- the subtree's leaves begin at position << level
    hash     bytea NOT NULL,
    PRIMARY KEY (level, position)
);

-- What was signed and published. Once given out it cannot be taken back, so nothing here ever changes.
CREATE TABLE ledger.checkpoint (
    size bigint PRIMARY KEY CHECK (size > 0),              -- events covered
    root bytea NOT NULL,
    at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    note text NOT NULL                                     -- C2SP tlog-checkpoint in a signed note
);

GRANT SELECT ON ledger.audit_node, ledger.checkpoint TO payswitch_writer, payswitch_reader;
REVOKE UPDATE, DELETE ON ledger.audit_node, ledger.checkpoint FROM payswitch_writer;
GRANT INSERT ON ledger.audit_node, ledger.checkpoint TO payswitch_writer;
