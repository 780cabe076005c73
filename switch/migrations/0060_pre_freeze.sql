-- A row while the books are frozen: no money moves anew until two people have looked.
CREATE TABLE switch.freeze (
    one    boolean PRIMARY KEY DEFAULT true CHECK (one),
    seq    bigint NOT NULL, -- of the event
    at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason text NOT NULL, -- the check that failed, or `people`
    detail text NOT NULL
);

-- record_freeze: a freeze that began in one batch, in the ledger's own transaction; number 0 is its end.
CREATE FUNCTION switch.record_freeze(number bigint, reason text, detail text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM switch.freeze;
    IF number > 0 THEN
        INSERT INTO switch.freeze (seq, reason, detail) VALUES (number, reason, detail);
    END IF;
END
$$;

-- The last look at the invariants: how far the log was found right, what it adds up to, and what was wrong.
CREATE TABLE switch.invariant_look (
    one    boolean PRIMARY KEY DEFAULT true CHECK (one),
    seq    bigint NOT NULL, -- of the last event that was found right
    state  bytea NOT NULL,  -- the ledger after it
    tree   bytea NOT NULL,  -- roots of the complete subtrees over the log up to it
    at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    faults jsonb NOT NULL   -- of this look: [[check, text], ...]
);
