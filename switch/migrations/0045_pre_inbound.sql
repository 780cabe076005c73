-- Payments that begin at a rail. Which gateway takes the orders of a rail; without a row nobody does.
CREATE TABLE switch.rail_inbound (
    rail    char(2) PRIMARY KEY,
    gateway text NOT NULL REFERENCES switch.participant, -- the debtor agent of its payments
    open    boolean NOT NULL, -- false: new orders are refused, those that came are ended
    change  bigint NOT NULL -- the latest that two people made
);

-- What a rail asked of us, and what we answered: orders, and orders to give them up. Bytes are sealed under the row's key.
CREATE TABLE switch.inbound_order (
    rail        char(2) NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('order', 'return')),
    ref         text NOT NULL, -- the rail's id
    original    text NOT NULL, -- of a return: `ref` of the order
    uetr        uuid NOT NULL, -- of the order's payment; it follows from the rail and `ref`
    gateway     text NOT NULL, -- empty: the order never came
    state       text NOT NULL CHECK (state IN (
        'barred', -- asked about before it came: it will not be executed
        'received', -- durable, and nothing is decided
        'taken', -- given to the ordinary intake: from now on its payment says what became of it
        'done',
        'refused', -- its payment was refused or not credited; a return: the order was executed
        'stopped' -- refused, and never given to the intake
    )),
    digest      bytea NOT NULL, -- keyed, of the content: a repetition has the same
    fingerprint bytea, -- of the pacs.008 that was made of it, as the ledger has it
    sealed_key  bytea, -- NULL: erased, or nothing came
    request     bytea, -- as it came
    message     bytea, -- the pacs.008
    answer      bytea, -- stored before it is sent
    reason      text NOT NULL DEFAULT '',
    received_at timestamptz NOT NULL DEFAULT date_trunc('milliseconds', clock_timestamp()),
    expires_at  timestamptz, -- it must not be executed later
    decided_at  timestamptz, -- whole milliseconds: the answer states it
    due_at      timestamptz, -- when somebody must look again; NULL: nothing is left to do
    attempts    integer NOT NULL DEFAULT 0, -- to deliver the answer
    told_at     timestamptz, -- when the rail acknowledged the answer
    disputed    text NOT NULL DEFAULT '', -- why the rail says that it has ended the order otherwise
    settled     bigint, -- the change of two people that ended what one side owes the other
    PRIMARY KEY (rail, kind, ref)
);
CREATE INDEX inbound_order_due ON switch.inbound_order (rail, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX inbound_order_uetr ON switch.inbound_order (uetr);
CREATE INDEX inbound_order_disputed ON switch.inbound_order (rail) WHERE disputed <> '' AND settled IS NULL;
