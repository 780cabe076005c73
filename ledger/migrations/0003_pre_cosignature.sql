-- What witnesses outside said of a checkpoint: that it extends every one that they saw before.
CREATE TABLE ledger.cosignature (
    size bigint NOT NULL REFERENCES ledger.checkpoint,     -- the checkpoint
    key  text NOT NULL,                                    -- the witness's verifier key: name, key id, public key
    line text NOT NULL,                                    -- C2SP tlog-cosignature, as a line of a signed note
    at   timestamptz NOT NULL DEFAULT clock_timestamp(),   -- when it came
    PRIMARY KEY (size, key)
);
CREATE INDEX cosignature_key ON ledger.cosignature (key, size);
