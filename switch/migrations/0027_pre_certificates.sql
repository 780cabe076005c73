-- Certificates of participants' clients (`payswitch conform`), and whether the operator requires them.
CREATE TABLE switch.certificate (
    change        bigint PRIMARY KEY,
    participant   text NOT NULL REFERENCES switch.participant,
    kit           integer NOT NULL,
    product       text NOT NULL, -- what was tested, in the words of the bank
    tested_at     timestamptz NOT NULL, -- the end of the run
    valid_until   date NOT NULL, -- its last day, UTC
    report_sha256 bytea NOT NULL
);
CREATE INDEX certificate_participant ON switch.certificate (participant, change);

CREATE TABLE switch.certification (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    required boolean NOT NULL,
    kit      integer NOT NULL, -- the oldest version of the kit that counts
    days     integer NOT NULL, -- that a certificate is valid after its run
    change   bigint NOT NULL
);
