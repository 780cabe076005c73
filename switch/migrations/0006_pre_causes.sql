-- Where the log stood when causes of events began to be recorded: `payswitch verify` compares what came later.
CREATE TABLE switch.caused_since (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    seq bigint NOT NULL
);
INSERT INTO switch.caused_since (seq) SELECT coalesce(max(next_seq) - 1, 0) FROM ledger.head;
