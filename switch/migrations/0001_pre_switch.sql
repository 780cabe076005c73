-- The switch's own tables: who takes part, what was asked, and the few payments that are still open.
-- Money is in schema `ledger`; so is the event log, which is the history of every payment.

CREATE SCHEMA switch;

CREATE TABLE switch.participant (
    id      text PRIMARY KEY CHECK (id ~ '^[a-z0-9][a-z0-9-]{1,34}$'),
    name    text NOT NULL,
    bic     text NOT NULL CHECK (bic ~ '^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$'),
    country char(2) NOT NULL,
    kind    text NOT NULL CHECK (kind IN ('direct', 'fx_provider', 'settlement_agent', 'central_bank')),
    status  text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'removed'))
);

-- Payments are routed by the institution, the first eight characters; branches are its own affair.
CREATE UNIQUE INDEX participant_institution ON switch.participant (left(bic, 8));

CREATE TABLE switch.participant_key (
    keyid       text PRIMARY KEY,
    participant text NOT NULL REFERENCES switch.participant,
    algorithm   text NOT NULL CHECK (algorithm IN ('ed25519', 'ecdsa-p256-sha256')),
    public_key  text NOT NULL, -- SubjectPublicKeyInfo, PEM
    valid_from  timestamptz NOT NULL DEFAULT now(),
    valid_until timestamptz
);

-- Sandbox only: a bearer key is kept as its SHA-256.
CREATE TABLE switch.bearer_key (
    sha256      bytea PRIMARY KEY,
    participant text NOT NULL REFERENCES switch.participant
);

CREATE TABLE switch.corridor (
    source    char(2) NOT NULL,
    target    char(2) NOT NULL,
    enabled   boolean NOT NULL DEFAULT true,
    fee_minor bigint NOT NULL DEFAULT 0 CHECK (fee_minor >= 0), -- minor units of the source currency
    fee_bps   integer NOT NULL DEFAULT 0 CHECK (fee_bps BETWEEN 0 AND 10000),
    PRIMARY KEY (source, target)
);

-- The newest row of a pair that has begun is in force. `rate`: units of target for one unit of source.
CREATE TABLE switch.fx_rate (
    source     char(3) NOT NULL,
    target     char(3) NOT NULL,
    provider   text NOT NULL REFERENCES switch.participant,
    rate       numeric(20, 10) NOT NULL CHECK (rate > 0),
    valid_from timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (source, target, valid_from)
);

-- A closed rail says "not before opens_at": payments wait for it, they are not refused.
CREATE TABLE switch.rail (
    country  char(2) PRIMARY KEY,
    open     boolean NOT NULL DEFAULT true,
    opens_at timestamptz
);

CREATE TABLE switch.rail_serial (
    rail   char(2) NOT NULL,
    period text NOT NULL,
    next   bigint NOT NULL,
    PRIMARY KEY (rail, period)
);

-- One row a UETR, written once. `number` is the ledger's id of the linked set; the UETR's index is there.
CREATE TABLE switch.payment (
    number          bigint PRIMARY KEY,
    uetr            uuid NOT NULL,
    sender          text NOT NULL,
    message_name    text NOT NULL,
    message_id      text NOT NULL,
    debtor_agent    text NOT NULL, -- the five below are empty when it was refused before it was routed
    creditor_agent  text NOT NULL,
    rail            text NOT NULL,
    fx_provider     text NOT NULL,
    rate            text NOT NULL,
    debit_currency  text NOT NULL,
    credit_currency text NOT NULL,
    debit_minor     bigint NOT NULL,
    credit_minor    bigint NOT NULL,
    fee_minor       bigint NOT NULL,
    native_ref      text NOT NULL
);

-- Bytes exactly as they came (direction 0) and as they are sent, and sent again (direction 1).
CREATE TABLE switch.message (
    number    bigint NOT NULL,
    direction smallint NOT NULL CHECK (direction IN (0, 1)),
    body      bytea NOT NULL,
    PRIMARY KEY (number, direction)
);

-- The working set: payments that are not final. Small, so its churn stays in memory.
CREATE TABLE switch.open_payment (
    number     bigint PRIMARY KEY,
    uetr       uuid NOT NULL UNIQUE,
    state      text NOT NULL CHECK (state IN ('RESERVED', 'SENT', 'UNKNOWN')),
    rail       text NOT NULL,
    credit_minor    bigint NOT NULL, -- what the rail was told to credit; its answer is held against it
    credit_currency text NOT NULL,
    entered_at timestamptz NOT NULL, -- when it came into this state
    expires_at timestamptz NOT NULL,
    due_at     timestamptz, -- when somebody must look again; NULL: waits for the rail's file or for people
    enquiries  integer NOT NULL DEFAULT 0,
    sendings   integer NOT NULL, -- how often the order may have left us
    pending    boolean NOT NULL DEFAULT false -- the rail said that it has the order
) WITH (fillfactor = 50);

CREATE INDEX open_payment_due ON switch.open_payment (due_at) WHERE due_at IS NOT NULL;

-- record_payments: everything of one writer's batch that is not the ledger's, in the ledger's own transaction.
-- Arrays of one kind have one length; an instant is microseconds since 1970, 0 meaning none.
CREATE FUNCTION switch.record_payments(
    new_number bigint[], new_uetr uuid[], new_sender text[], new_message_name text[], new_message_id text[],
    new_debtor_agent text[], new_creditor_agent text[], new_rail text[], new_fx_provider text[], new_rate text[],
    new_debit_currency text[], new_credit_currency text[], new_debit_minor bigint[], new_credit_minor bigint[],
    new_fee_minor bigint[], new_native_ref text[], new_raw bytea[],
    native_number bigint[], native_body bytea[],
    open_number bigint[], open_uetr uuid[], open_state text[], open_rail text[], open_credit_minor bigint[],
    open_credit_currency text[], open_entered bigint[], open_expires bigint[], open_due bigint[],
    open_enquiries integer[], open_sendings integer[], open_pending boolean[],
    closed_number bigint[]
) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF cardinality(new_number) > 0 THEN
        INSERT INTO switch.payment
        SELECT * FROM unnest(
            new_number, new_uetr, new_sender, new_message_name, new_message_id, new_debtor_agent,
            new_creditor_agent, new_rail, new_fx_provider, new_rate, new_debit_currency, new_credit_currency,
            new_debit_minor, new_credit_minor, new_fee_minor, new_native_ref
        );
        INSERT INTO switch.message
        SELECT t.number, 0, t.body FROM unnest(new_number, new_raw) AS t (number, body)
        UNION ALL
        SELECT t.number, 1, t.body FROM unnest(native_number, native_body) AS t (number, body);
    END IF;
    IF cardinality(open_number) > 0 THEN
        INSERT INTO switch.open_payment AS o
        SELECT
            t.number, t.uetr, t.state, t.rail, t.credit_minor, t.credit_currency,
            to_timestamp(t.entered / 1e6), to_timestamp(t.expires / 1e6),
            CASE WHEN t.due > 0 THEN to_timestamp(t.due / 1e6) END, t.enquiries, t.sendings, t.pending
        FROM unnest(
            open_number, open_uetr, open_state, open_rail, open_credit_minor, open_credit_currency,
            open_entered, open_expires, open_due, open_enquiries, open_sendings, open_pending
        ) AS t (
            number, uetr, state, rail, credit_minor, credit_currency,
            entered, expires, due, enquiries, sendings, pending
        )
        ON CONFLICT (number) DO UPDATE SET
            state = excluded.state, entered_at = excluded.entered_at,
            due_at = excluded.due_at, enquiries = excluded.enquiries,
            sendings = excluded.sendings, pending = excluded.pending;
    END IF;
    IF cardinality(closed_number) > 0 THEN
        DELETE FROM switch.open_payment AS o USING unnest(closed_number) AS t (number) WHERE o.number = t.number;
    END IF;
END $$;

-- What was asked and what was sent is evidence: it can be added to, never changed.
REVOKE UPDATE, DELETE ON switch.payment, switch.message FROM payswitch_writer;
