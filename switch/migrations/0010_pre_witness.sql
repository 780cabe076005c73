-- Witnesses of the audit log: two people register each, because who may vouch for the log is a right.
CREATE TABLE switch.witness (
    key        text PRIMARY KEY,                           -- its verifier key
    name       text NOT NULL,
    url        text NOT NULL,                              -- where checkpoints are sent; empty: it fetches them
    added_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    removed_at timestamptz,
    size       bigint NOT NULL DEFAULT 0,                  -- events that it holds, as it said
    attempts   integer NOT NULL DEFAULT 0,                 -- that failed since the last success
    due_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    result     text NOT NULL DEFAULT '',                   -- of the last attempt; empty: it cosigned
    refuses_at timestamptz                                 -- since when it holds another history than ours
);
CREATE UNIQUE INDEX witness_name ON switch.witness (name) WHERE removed_at IS NULL;
