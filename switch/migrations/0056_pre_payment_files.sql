-- Files of many payments (pain.001) that participants hand in: each line becomes an ordinary payment of its own.
CREATE TABLE switch.payment_file (
    number      bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    id          uuid PRIMARY KEY,
    sender      text NOT NULL REFERENCES switch.participant,
    whole       boolean NOT NULL, -- nothing is sent if a line cannot be
    digest      bytea NOT NULL, -- keyed, of the file: the same file is the same row
    size        bigint NOT NULL, -- in bytes
    keyid       text NOT NULL, -- which signed it; empty: a bearer key of a sandbox
    signature   bytea NOT NULL,
    base        bytea NOT NULL, -- of the signature; empty once the file has ended
    sealed_key  bytea, -- of the parts; NULL: erased
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ends_at     timestamptz NOT NULL, -- what the intake has not decided by then is rejected
    state       text NOT NULL DEFAULT 'received' CHECK (state IN (
        'received', -- durable, and not checked
        'refused', -- as a whole: nothing of it is sent
        'sending',
        'ended' -- every line has ended
    )),
    message_id  text, -- NULL until it was read
    lines       integer,
    total       text, -- the sum of its amounts, whatever their currencies, as CtrlSum
    reason      text NOT NULL DEFAULT '', -- why it was refused
    detail      text NOT NULL DEFAULT '',
    cancelled_at timestamptz, -- when its sender cancelled what was not sent
    ended_at    timestamptz,
    UNIQUE (sender, digest)
);
CREATE UNIQUE INDEX payment_file_message ON switch.payment_file (sender, message_id) WHERE state IN ('sending', 'ended');
CREATE INDEX payment_file_sender ON switch.payment_file (sender, number);
CREATE INDEX payment_file_open ON switch.payment_file (number) WHERE state IN ('received', 'sending');

-- The bytes of a file, sealed under its key. They stay for its pain.002.
CREATE TABLE switch.payment_file_part (
    file uuid NOT NULL REFERENCES switch.payment_file,
    part integer NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (file, part)
);

CREATE TABLE switch.payment_file_line (
    file        uuid NOT NULL REFERENCES switch.payment_file,
    number      integer NOT NULL,
    uetr        uuid NOT NULL,
    state       text NOT NULL CHECK (state IN (
        'waiting',
        'taken', -- given to the intake as `message`: from now on its payment says what became of it
        'credited',
        'rejected',
        'cancelled' -- before it was taken
    )),
    fingerprint bytea, -- of the pacs.008, as the ledger has it
    sealed_key  bytea, -- of the pacs.008 until the line has ended
    message     bytea,
    taken_at    timestamptz,
    reason      text NOT NULL DEFAULT '',
    detail      text NOT NULL DEFAULT '',
    PRIMARY KEY (file, number)
);
CREATE INDEX payment_file_line_open ON switch.payment_file_line (file, number) WHERE state IN ('waiting', 'taken');
CREATE INDEX payment_file_line_uetr ON switch.payment_file_line (uetr);
