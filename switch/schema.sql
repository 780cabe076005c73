-- The switch's own tables: who takes part, what was asked, and the few payments that are still open.
-- Money is in schema `ledger`; so is the event log, which is the history of every payment.

CREATE SCHEMA switch;

-- What this installation is, once and for ever: nobody's people and keys of a sandbox are good in production.
CREATE TABLE switch.installation (
    one     boolean PRIMARY KEY DEFAULT true CHECK (one),
    sandbox boolean NOT NULL,
    at      timestamptz NOT NULL DEFAULT clock_timestamp() -- of its first start
);

CREATE TABLE switch.participant (
    id      text PRIMARY KEY CHECK (id ~ '^[a-z0-9][a-z0-9-]{1,34}$'),
    name    text NOT NULL,
    bic     text NOT NULL CHECK (bic ~ '^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$'),
    country char(2) NOT NULL,
    kind    text NOT NULL CHECK (kind IN ('direct', 'fx_provider', 'settlement_agent', 'central_bank', 'gateway')),
    status  text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'removed')),
    member_ids text[] NOT NULL DEFAULT '{}' -- in clearing systems: each whole, or the beginning that all its ids have
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
    opens_at timestamptz,
    -- What two people have tightened of its profile; NULL: as the adapter states it.
    minimum_minor bigint CHECK (minimum_minor > 0), -- of the credited amount
    maximum_minor bigint CHECK (maximum_minor > 0),
    hours_from    time, -- by the rail's clock
    hours_to      time,
    fee_max_bps   integer CHECK (fee_max_bps BETWEEN 0 AND 10000) -- of the debited amount
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

-- The identity of a payment is its sender and the UETR that it states. Where another participant has used the UETR
-- before, the books, the rail and the creditor agent know the payment by a UETR of its own, derived from both.
CREATE TABLE switch.own_uetr (
    uetr   uuid PRIMARY KEY,
    sender text NOT NULL,
    stated uuid NOT NULL,
    UNIQUE (stated, sender)
);

-- Bytes as they came (direction 0) and as they are sent, and sent again (direction 1), sealed under the payment's key.
-- Partitions are ranges of the sequence, as those of ledger.event.
CREATE TABLE switch.message (
    number    bigint NOT NULL,
    direction smallint NOT NULL CHECK (direction IN (0, 1)),
    body      bytea STORAGE MAIN NOT NULL, -- in its row up to 8 kB: it is sealed and cannot be compressed
    PRIMARY KEY (number, direction)
) PARTITION BY RANGE (number);

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
    pending    boolean NOT NULL DEFAULT false, -- the rail said that it has the order
    absences   integer NOT NULL DEFAULT 0, -- "not found" in a row that count (switch/writer/absence.py)
    absent_at  timestamptz,                -- when the last of them was asked for
    unanswered integer NOT NULL DEFAULT 0  -- enquiries in a row that the rail did not answer
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

-- record_enquiries: what enquiries of one batch came to, behind record_payments, in the ledger's own transaction.
CREATE FUNCTION switch.record_enquiries(
    asked_number bigint[], asked_absences integer[], asked_absent bigint[], asked_unanswered integer[]
) RETURNS void LANGUAGE sql AS $$
    UPDATE switch.open_payment AS o
       SET absences = t.absences,
           absent_at = CASE WHEN t.absent > 0 THEN to_timestamp(t.absent / 1e6) END,
           unanswered = t.unanswered
      FROM unnest(asked_number, asked_absences, asked_absent, asked_unanswered)
        AS t (number, absences, absent, unanswered)
     WHERE o.number = t.number;
$$;

SELECT ledger.add_partitions('switch.message', 16777216, (SELECT next_seq FROM ledger.head) + 3 * 16777216);

-- What is in a message is sealed under a key of its payment's own. Whoever deletes the key erases what was said, and
-- leaves every hash of it as it is. A key is itself sealed under the installation's, which no database holds.
CREATE TABLE switch.message_key (
    number  bigint PRIMARY KEY,
    sealed  bytea,  -- empty: the messages were not sealed
    erasure bigint, -- the event that says why the key is gone
    CONSTRAINT message_key_erasure CHECK ((sealed IS NULL) = (erasure IS NOT NULL))
);

-- record_keys: the keys of the payments of one batch, in the ledger's own transaction.
CREATE FUNCTION switch.record_keys(numbers bigint[], keys bytea[]) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO switch.message_key (number, sealed) SELECT * FROM unnest(numbers, keys);
$$;

-- References by which payments are found: of 64 bits, hashes of the message id and of the rail's reference, and a keyed hash
-- of the end-to-end id, which is not to be read or guessed. Each stretch of numbers has its own part of the index, so that
-- new rows go to few pages.
CREATE TABLE switch.payment_reference (
    key    bigint NOT NULL,
    number bigint NOT NULL
);
CREATE INDEX payment_reference_key ON switch.payment_reference ((number >> 22), key);

-- record_references: the references of the payments of one batch, in the ledger's own transaction.
CREATE FUNCTION switch.record_references(
    numbers bigint[], message_ids text[], native_refs text[], end_to_ends bigint[]
) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO switch.payment_reference (key, number)
    SELECT r.key, t.number
      FROM unnest(numbers, message_ids, native_refs, end_to_ends)
           AS t (number, message_id, native_ref, end_to_end)
      CROSS JOIN LATERAL (VALUES
           (hashtextextended(t.message_id, 0), true),
           (hashtextextended(t.native_ref, 0), t.native_ref <> ''),
           (t.end_to_end, t.end_to_end <> 0)
      ) AS r (key, is_known)
     WHERE r.is_known;
$$;

-- People: who may sign in, what they asked for, and who else agreed.

-- One person has one role, of one participant or one country where the role is of one (`scope`).
CREATE TABLE switch.person (
    name            text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9._-]{1,63}$'),
    display_name    text NOT NULL,
    role            text NOT NULL CHECK (role IN ('participant', 'operator', 'checker', 'regulator', 'auditor', 'officer')),
    scope           text NOT NULL DEFAULT '',
    status          text NOT NULL CHECK (status IN ('invited', 'active', 'suspended', 'removed')),
    password_hash   text, -- argon2id, in PHC form
    totp_secret     text, -- sealed with a key that is not in the database
    totp_step       bigint NOT NULL DEFAULT 0, -- last time step used: a code works once
    failures        integer NOT NULL DEFAULT 0, -- since the last success
    locked_until    timestamptz,
    maker_half      bytea, -- SHA-256 of the two halves of the enrolment code: each of two people has one
    checker_half    bytea,
    invited_until   timestamptz,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT person_scope CHECK (role = 'officer' OR (role IN ('participant', 'regulator')) = (scope <> ''))
);

-- Passkeys, beside the authenticator or in its place. `credential` is the attested credential data of WebAuthn: the
-- id and the public key.
CREATE TABLE switch.passkey (
    id         bytea PRIMARY KEY,
    person     text NOT NULL REFERENCES switch.person,
    label      text NOT NULL,
    credential bytea NOT NULL,
    counter    bigint NOT NULL, -- of signatures; it grows, or stays 0
    added_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    used_at    timestamptz
);
CREATE INDEX passkey_person ON switch.passkey (person);

-- Sign-in with OpenID Connect: the providers that two people registered, and who is bound to which subject.
CREATE TABLE switch.identity_provider (
    id             text PRIMARY KEY CHECK (id ~ '^[a-z][a-z0-9-]{1,30}$'),
    title          text NOT NULL,
    issuer         text NOT NULL UNIQUE,
    client_id      text NOT NULL,
    scope          text NOT NULL, -- a participant, a country, or empty: the switch itself
    claim          text NOT NULL, -- with the groups of a person
    grants         text[] NOT NULL, -- group=role
    just_in_time   boolean NOT NULL, -- people are added at their first sign-in
    second_factors text[] NOT NULL -- values of acr or amr that state one; empty: ours is required
);

CREATE TABLE switch.person_subject (
    issuer   text NOT NULL,
    subject  text NOT NULL,
    person   text NOT NULL UNIQUE REFERENCES switch.person,
    bound_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (issuer, subject)
);

-- What a person is told about changes of the sign-in.
CREATE TABLE switch.person_notice (
    number  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person  text NOT NULL REFERENCES switch.person,
    text    text NOT NULL,
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    read_at timestamptz
);
CREATE INDEX person_notice_person ON switch.person_notice (person, number);

-- Filters of a list that a person keeps under a name.
CREATE TABLE switch.saved_view (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person text NOT NULL REFERENCES switch.person,
    page   text NOT NULL, -- path of the list
    name   text NOT NULL CHECK (name <> ''),
    query  text NOT NULL, -- its filters, as in the address
    UNIQUE (person, page, name)
);

-- Wrong sign-ins by name and source: strangers delay themselves, never the person whose name they try.
CREATE TABLE switch.sign_in_failure (
    name       bytea NOT NULL, -- SHA-256 of what was typed: nobody of this name need exist
    source     text NOT NULL, -- a network, a device that the person signed in from before, or this machine
    is_known   boolean NOT NULL, -- a source of the person's own: it has a budget of its own
    failures   integer NOT NULL,
    at         timestamptz NOT NULL,
    wait_until timestamptz NOT NULL,
    is_admitted boolean NOT NULL, -- whether the last attempt was within the budget
    PRIMARY KEY (name, source)
);
CREATE INDEX sign_in_failure_at ON switch.sign_in_failure (at);

-- A session is known by the hash of its token. Tokens are replaced as they age: `family` is one sign-in.
CREATE TABLE switch.session (
    sha256      bytea PRIMARY KEY,
    family      uuid NOT NULL,
    person      text NOT NULL REFERENCES switch.person,
    began_at    timestamptz NOT NULL, -- of the family: the absolute limit counts from here
    made_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    replaced_at timestamptz,
    address     text NOT NULL DEFAULT '', -- shortened: 192.0.2.0/24
    browser     text NOT NULL DEFAULT '', -- its name and system: Firefox, Linux
    confirmed_at timestamptz, -- the second factor was proved again
    issuer      text NOT NULL DEFAULT '', -- of the provider that signed the person in
    sid         text NOT NULL DEFAULT ''  -- its id of the session
);
CREATE INDEX session_family ON switch.session (family);
CREATE INDEX session_person ON switch.session (person);
CREATE INDEX session_issuer ON switch.session (issuer, sid) WHERE issuer <> '';

-- Sandbox only, like switch.bearer_key.
CREATE TABLE switch.person_bearer_key (
    sha256 bytea PRIMARY KEY,
    person text NOT NULL REFERENCES switch.person
);

-- A change that somebody asks for. It is executed once, after every seat has agreed.
CREATE TABLE switch.change (
    number       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         text NOT NULL,
    content      text NOT NULL, -- canonical JSON
    maker        text NOT NULL REFERENCES switch.person,
    reason       text NOT NULL CHECK (reason <> ''),
    seats        jsonb NOT NULL, -- [{"role": "checker", "scope": ""}, ...]: who must agree
    state        text NOT NULL CHECK (state IN ('requested', 'approved', 'executed', 'failed', 'refused', 'withdrawn', 'expired')),
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at   timestamptz NOT NULL,
    tried_at     timestamptz, -- of the execution: a crash after it leaves the change approved
    ended_at     timestamptz,
    outcome      text NOT NULL DEFAULT '',
    UNIQUE (number, maker)
);
CREATE INDEX change_open ON switch.change (number) WHERE state IN ('requested', 'approved');
-- One movement at a settlement agent, by the agent's own reference, is booked once, whoever asks for it.
CREATE UNIQUE INDEX change_booked_once
    ON switch.change (kind, ((content::jsonb) ->> 'currency'), ((content::jsonb) ->> 'reference'))
 WHERE kind IN ('funds.in', 'funds.out') AND state IN ('requested', 'approved', 'executed');

-- Nobody agrees to their own request, nobody twice, and no seat twice.
CREATE TABLE switch.change_vote (
    change   bigint NOT NULL,
    seat     smallint NOT NULL,
    person   text NOT NULL REFERENCES switch.person,
    maker    text NOT NULL,
    decision text NOT NULL CHECK (decision IN ('approve', 'refuse')),
    reason   text NOT NULL,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (change, seat),
    UNIQUE (change, person),
    FOREIGN KEY (change, maker) REFERENCES switch.change (number, maker),
    CONSTRAINT change_vote_two_people CHECK (person <> maker)
);

-- Steps that are to stand in the ledger's log, written with the step itself; `seq` once they stand there.
CREATE TABLE switch.audit_note (
    number    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id        uuid NOT NULL UNIQUE,
    kind      text NOT NULL,
    body      bytea NOT NULL, -- canonical JSON with the id; nothing secret
    after_seq bigint NOT NULL, -- the log was here when it was written
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    seq       bigint UNIQUE
);
CREATE INDEX audit_note_unrecorded ON switch.audit_note (number) WHERE seq IS NULL;

-- Participants: revoked keys, and how much of its liquidity each has used.

ALTER TABLE switch.participant_key ADD COLUMN revoked_at timestamptz;
ALTER TABLE switch.participant_key ADD CONSTRAINT participant_key_validity
    CHECK (valid_until IS NULL OR valid_until >= valid_from);

-- The highest level that stands for an account, in per cent used; no row while it is below the first.
CREATE TABLE switch.liquidity_alert (
    participant text NOT NULL REFERENCES switch.participant,
    currency    char(3) NOT NULL,
    level       smallint NOT NULL CHECK (level IN (60, 80, 95)),
    raised_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (participant, currency)
);

-- Settlement: calendars, schedules, agents, and what became of each closed window.

-- A day that is not what the currency's calendar says.
CREATE TABLE switch.calendar_override (
    currency char(3) NOT NULL,
    day      date NOT NULL,
    business boolean NOT NULL,
    reason   text NOT NULL,
    PRIMARY KEY (currency, day)
);

-- When windows of a currency close, by the clock of its zone.
CREATE TABLE switch.window_schedule (
    currency  char(3) PRIMARY KEY,
    country   char(2) NOT NULL, -- whose holidays
    zone      text NOT NULL, -- IANA name
    closes_at time[] NOT NULL CHECK (cardinality(closes_at) BETWEEN 1 AND 24),
    enabled   boolean NOT NULL DEFAULT true
);

-- Who moves the money of a currency between banks: a participant of kind settlement_agent.
CREATE TABLE switch.settlement_agent (
    currency   char(3) PRIMARY KEY,
    agent      text NOT NULL REFERENCES switch.participant,
    scheme_bic text NOT NULL, -- we, as the agent knows us
    account    text NOT NULL  -- the scheme's account there
);

-- One row a closed window; switch/settlement/states.py has the states.
CREATE TABLE switch.settlement (
    settlement_window bigint PRIMARY KEY,
    currency          char(3) NOT NULL,
    state             text NOT NULL CHECK (state IN ('CLOSED', 'CONFIRMED', 'SETTLING', 'SETTLED', 'ABORTED')),
    positions_sha256  text NOT NULL, -- what central banks confirm
    value_date        date NOT NULL,
    changed_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    message_id        text,
    file              text, -- of the instruction, below the data directory
    file_sha256       text
);
CREATE INDEX settlement_not_final ON switch.settlement (settlement_window) WHERE state NOT IN ('SETTLED', 'ABORTED');

-- What one participant has to pay (negative) or to receive for a window.
CREATE TABLE switch.settlement_line (
    settlement_window bigint NOT NULL REFERENCES switch.settlement,
    participant       text NOT NULL REFERENCES switch.participant,
    account           bigint NOT NULL,
    net_minor         bigint NOT NULL, -- of this window
    carried_minor     bigint NOT NULL DEFAULT 0, -- of earlier ones that were held or aborted
    state             text NOT NULL CHECK (state IN ('DUE', 'INSTRUCTED', 'SETTLED', 'HELD', 'CARRIED')),
    id                uuid NOT NULL UNIQUE, -- UETR of the instruction, and the ledger's id of its hold
    transfer          bigint, -- number of the hold
    reason            text NOT NULL DEFAULT '',
    changed_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    carried_to        bigint, -- window whose line took it over
    PRIMARY KEY (settlement_window, participant)
);
CREATE INDEX settlement_line_transfer ON switch.settlement_line (transfer) WHERE transfer IS NOT NULL;
CREATE INDEX settlement_line_held ON switch.settlement_line (participant) WHERE state = 'HELD';
CREATE INDEX settlement_line_changed ON switch.settlement_line (changed_at);
CREATE INDEX settlement_line_instructed ON switch.settlement_line (account) WHERE state = 'INSTRUCTED';
CREATE INDEX settlement_line_carried ON switch.settlement_line (carried_to, participant) WHERE carried_to IS NOT NULL;

-- What agents said, as it came: evidence.
CREATE TABLE switch.settlement_confirmation (
    sha256      bytea PRIMARY KEY,
    agent       text NOT NULL REFERENCES switch.participant,
    message     text NOT NULL,
    body        bytea NOT NULL,
    signature   text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Reconciliation: what the rails' end-of-cycle files say, and where that is not what we say.

-- A cycle of a rail that is over and whose file was read whole.
CREATE TABLE switch.rail_cycle (
    rail    char(2) NOT NULL,
    cycle   date NOT NULL, -- of the rail's clock
    lines   integer NOT NULL,
    read_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (rail, cycle)
);

CREATE TABLE switch.rail_cycle_line (
    rail  char(2) NOT NULL,
    cycle date NOT NULL,
    ref   text NOT NULL,
    uetr  uuid, -- where the rail's ids carry it
    done  boolean NOT NULL,
    code  text NOT NULL,
    minor bigint, -- of what is done
    PRIMARY KEY (rail, cycle, ref)
);

-- A difference between a rail's word and ours, for a person to resolve. The same difference is noted once.
CREATE TABLE switch.reconciliation_break (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rail        char(2) NOT NULL,
    cycle       date NOT NULL,
    ref         text NOT NULL,
    uetr        uuid,
    kind        text NOT NULL CHECK (kind IN (
        'credited_unknown_here', 'credited_but_aborted', 'refused_but_committed', 'another_amount', 'missing_at_rail',
        'returned_by_rail'
    )),
    detail      text NOT NULL,
    found_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    owner       text,
    resolution  text,
    resolved_at timestamptz,
    UNIQUE (rail, ref, kind)
);
CREATE INDEX reconciliation_break_open ON switch.reconciliation_break (found_at) WHERE resolved_at IS NULL;

-- record_contradictions: what a rail says against a payment that is final is a difference for people, written in the
-- ledger's own transaction; the same one, from the rail's file or from its word, is noted once.
CREATE FUNCTION switch.record_contradictions(numbers bigint[], rails text[], kinds text[], details text[])
RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.reconciliation_break (rail, cycle, ref, uetr, kind, detail)
    SELECT p.rail, (clock_timestamp() AT TIME ZONE 'UTC')::date, p.native_ref, p.uetr, t.kind, t.detail
      FROM unnest(numbers, rails, kinds, details) AS t (number, rail, kind, detail)
      JOIN switch.payment AS p ON p.number = t.number AND p.rail = t.rail
    ON CONFLICT (rail, ref, kind) DO NOTHING;
$$;

-- What a rail gave back of payments that were credited: booked as a return by rule, or left to people.
CREATE TABLE switch.rail_return (
    number       bigint NOT NULL, -- of the payment
    reference    text NOT NULL, -- the rail's id of the return
    minor        bigint NOT NULL CHECK (minor > 0),
    currency     char(3) NOT NULL,
    reason       text NOT NULL,
    received_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    message_id   uuid NOT NULL, -- with it and its key the rail's message is sealed
    message      bytea NOT NULL,
    sealed_key   bytea, -- NULL once the message was erased
    left_because text, -- why the rule does not permit to book it; people decide then
    notified_at  timestamptz, -- when the debtor agent's pacs.004 was written
    PRIMARY KEY (number, reference)
);
CREATE INDEX rail_return_due ON switch.rail_return (received_at) WHERE notified_at IS NULL;

-- record_rail_returns: what rails gave back, each with the break that is open until it is booked or people decide.
CREATE FUNCTION switch.record_rail_returns(
    numbers bigint[], refs text[], minors bigint[], currencies text[], reasons text[], details text[], message_ids uuid[],
    messages bytea[], sealed_keys bytea[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.rail_return (number, reference, minor, currency, reason, message_id, message, sealed_key)
    SELECT t.number, t.ref, t.minor, t.currency, t.reason, t.message_id, t.message, t.sealed_key
      FROM unnest(numbers, refs, minors, currencies, reasons, message_ids, messages, sealed_keys)
        AS t (number, ref, minor, currency, reason, message_id, message, sealed_key);
    INSERT INTO switch.reconciliation_break (rail, cycle, ref, uetr, kind, detail)
    SELECT p.rail, (clock_timestamp() AT TIME ZONE 'UTC')::date, p.native_ref || '/' || t.ref, p.uetr, 'returned_by_rail',
           t.detail
      FROM unnest(numbers, refs, details) AS t (number, ref, detail) JOIN switch.payment AS p ON p.number = t.number
    ON CONFLICT (rail, ref, kind) DO NOTHING;
$$;

-- record_rail_return_ends: those that were booked, and those that are left to people because of something.
CREATE FUNCTION switch.record_rail_return_ends(numbers bigint[], refs text[], texts text[])
RETURNS void LANGUAGE sql AS $$
    UPDATE switch.rail_return AS r SET left_because = t.because
      FROM unnest(numbers, refs, texts) AS t (number, ref, because)
     WHERE r.number = t.number AND r.reference = t.ref AND t.because <> '';
    UPDATE switch.reconciliation_break AS b
       SET detail = CASE WHEN t.because = '' THEN b.detail ELSE b.detail || '; left to people: ' || t.because END,
           owner = CASE WHEN t.because = '' THEN 'the switch' END,
           resolution = CASE WHEN t.because = '' THEN 'booked as a return, by rule' END,
           resolved_at = CASE WHEN t.because = '' THEN clock_timestamp() END
      FROM unnest(numbers, refs, texts) AS t (number, ref, because) JOIN switch.payment AS p ON p.number = t.number
     WHERE (b.rail, b.ref, b.kind) = (p.rail, p.native_ref || '/' || t.ref, 'returned_by_rail')
       AND b.resolved_at IS NULL;
$$;

-- Returns of a part of a payment, and returns at the rate in force: each is a set of its own in the ledger, whose number this is.
CREATE TABLE switch.part_return (
    number       bigint PRIMARY KEY,
    id           uuid NOT NULL UNIQUE, -- of the set
    payment      bigint NOT NULL, -- number of the payment
    credit_minor bigint NOT NULL CHECK (credit_minor > 0), -- what the creditor agent gives back
    debit_minor  bigint NOT NULL CHECK (debit_minor > 0), -- what the debtor agent gets
    share_minor  bigint NOT NULL CHECK (share_minor >= debit_minor), -- what it would get at the rate of the payment
    rate         text NOT NULL, -- empty: the payment was not converted
    reason       text NOT NULL,
    reference    text NOT NULL, -- of whoever returned it: the sender's id, the rail's id, or the change
    at           timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX part_return_payment ON switch.part_return (payment, number);

-- What came back of payments: figures and reports count it here alone.
CREATE VIEW switch.payment_return AS
SELECT t.corrects AS payment, t.number, p.debit_minor, true AS whole, true AS with_fee
  FROM ledger.transfer AS t JOIN switch.payment AS p ON p.number = t.corrects
 WHERE t.corrects IS NOT NULL
UNION ALL -- parts, and what was returned at the rate in force; the last of those that return all of the credit is whole
SELECT x.payment, x.number, x.debit_minor,
       p.credit_minor <= (SELECT sum(y.credit_minor) FROM switch.part_return AS y WHERE y.payment = x.payment AND y.number <= x.number),
       false
  FROM switch.part_return AS x JOIN switch.payment AS p ON p.number = x.payment;

-- record_part_returns: those that one batch books, in the ledger's own transaction.
CREATE FUNCTION switch.record_part_returns(
    numbers bigint[], ids uuid[], payments bigint[], credits bigint[], debits bigint[], shares bigint[], rates text[],
    reasons text[], refs text[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.part_return (number, id, payment, credit_minor, debit_minor, share_minor, rate, reason, reference)
    SELECT * FROM unnest(numbers, ids, payments, credits, debits, shares, rates, reasons, refs);
$$;

-- Recalls: each camt.056 of a payment that had left the switch, until it has an end.
CREATE TABLE switch.recall (
    id        uuid PRIMARY KEY, -- of the camt.056 in switch.correspondence
    payment   bigint NOT NULL, -- number of the payment
    asker     text NOT NULL, -- the debtor agent
    answerer  text NOT NULL, -- the creditor agent
    reason    text NOT NULL,
    request   jsonb NOT NULL, -- ids and agents of the camt.056, which its answer repeats
    over_rail boolean NOT NULL, -- the payee's bank is asked over its rail
    state     text NOT NULL CHECK (state IN (
        'asked',
        'agreed', -- the payee's bank gives the money back, which has not come yet
        'returned', -- in full or in part
        'rejected', -- by the payee's bank, or its customer
        'unanswered', -- nothing came until `until_at`
        'unpaid' -- it was agreed, no money came, and two people ended it
    )),
    code      text NOT NULL DEFAULT '', -- why it is rejected
    asked_at  timestamptz NOT NULL DEFAULT date_trunc('milliseconds', clock_timestamp()),
    until_at  timestamptz NOT NULL, -- when it ends without an answer
    due_at    timestamptz, -- when the rail is asked next; NULL: it is not asked, or not any more
    attempts  integer NOT NULL DEFAULT 0, -- to ask the rail
    ended_at  timestamptz, -- whole milliseconds: the answer states it
    told_at   timestamptz, -- when the asker had its answer
    change    bigint -- by which two people ended it
);
CREATE INDEX recall_payment ON switch.recall (payment);
CREATE INDEX recall_open ON switch.recall (until_at) WHERE ended_at IS NULL OR told_at IS NULL;

-- Reversals: orders of people to a rail to take a credit back. NULL in due_at: it has ended, or people decide.
CREATE TABLE switch.reversal (
    id         uuid PRIMARY KEY, -- of the return that follows from it
    number     bigint NOT NULL, -- of the payment
    change     bigint NOT NULL,
    reason     text NOT NULL,
    state      text NOT NULL CHECK (state IN (
        'ordered', -- by two people; nothing was sent
        'sent', -- or about to be
        'unknown', -- sent, without a clear answer
        'done', -- the rail took the credit back
        'refused'
    )),
    attempts   integer NOT NULL,
    due_at     timestamptz,
    detail     text NOT NULL,
    ordered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX reversal_number ON switch.reversal (number, change);
CREATE INDEX reversal_open ON switch.reversal (due_at) WHERE state IN ('ordered', 'sent', 'unknown');

-- record_reversals: reversals that one batch orders or moves, in the ledger's own transaction.
CREATE FUNCTION switch.record_reversals(
    ids uuid[], numbers bigint[], changes bigint[], reasons text[], states text[], tried integer[], dues bigint[], details text[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.reversal AS r (id, number, change, reason, state, attempts, due_at, detail)
    SELECT t.id, t.number, t.change, t.reason, t.state, t.attempts, CASE WHEN t.due > 0 THEN to_timestamp(t.due / 1e6) END,
           t.detail
      FROM unnest(ids, numbers, changes, reasons, states, tried, dues, details)
        AS t (id, number, change, reason, state, attempts, due, detail)
    ON CONFLICT (id) DO UPDATE SET
        state = excluded.state, attempts = excluded.attempts, due_at = excluded.due_at, detail = excluded.detail,
        changed_at = clock_timestamp();
$$;

-- Reports: what was made, what probes saw, what patterns are looked for, and a regulator's own view.

-- What was made, by whom, from how much of the log. A file is named by its hash; one whose personal data was shown
-- is handed out and not kept.
CREATE TABLE switch.report_artefact (
    number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sha256     bytea NOT NULL CHECK (length(sha256) = 32),
    report     text NOT NULL,
    format     text NOT NULL,
    parameters text NOT NULL, -- canonical JSON
    scope      text NOT NULL,
    caller     text NOT NULL,
    revealed   boolean NOT NULL,
    as_of      bigint NOT NULL, -- sequence number up to which the ledger was read
    event      bigint NOT NULL, -- of the audited log: that it was asked for
    octets     bigint NOT NULL,
    signature  text NOT NULL, -- detached JWS over the file
    made_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    content    bytea CHECK (length(content) = 32) -- SHA-256 of the report as JSON: the same in every format
);
CREATE INDEX report_artefact_sha256 ON switch.report_artefact (sha256);
CREATE INDEX report_artefact_content ON switch.report_artefact (content);

-- Where reports may be delivered, which are made after each period, and the outbox with its receipts.
CREATE TABLE switch.report_destination (
    name       text PRIMARY KEY,
    address    text NOT NULL,
    host_key   text NOT NULL, -- of an SFTP server
    access_key text NOT NULL, -- id, of an object store; its secret is a file
    region     text NOT NULL,
    added_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    removed_at timestamptz
);

CREATE TABLE switch.report_schedule (
    name        text PRIMARY KEY,
    report      text NOT NULL,
    format      text NOT NULL,
    language    text NOT NULL,
    scope       text NOT NULL, -- all, a country, or a participant
    rhythm      text NOT NULL,
    currency    text NOT NULL, -- of business days and windows
    destination text NOT NULL REFERENCES switch.report_destination,
    addressee   text NOT NULL,
    parameters  text NOT NULL, -- canonical JSON
    since       timestamptz NOT NULL DEFAULT clock_timestamp(), -- periods that end later are reported
    fault       text NOT NULL DEFAULT '', -- why the report of the last period could not be made
    removed_at  timestamptz
);

-- One row for each period of a schedule: it is made once, and its package never changes.
CREATE TABLE switch.report_delivery (
    number       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schedule     text NOT NULL,
    period       text NOT NULL,
    destination  text NOT NULL,
    report       text NOT NULL,
    name         text NOT NULL, -- of the package at the receiver
    sha256       bytea NOT NULL CHECK (length(sha256) = 32), -- of the package
    octets       bigint NOT NULL,
    file_sha256  bytea NOT NULL CHECK (length(file_sha256) = 32), -- of the report in it
    made_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts     integer NOT NULL DEFAULT 0,
    due_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    answer       text NOT NULL DEFAULT '', -- of the receiver, or why there is none
    delivered_to text NOT NULL DEFAULT '',
    delivered_at timestamptz,
    given_up_at  timestamptz,
    again_by     text, -- who asked for it again; null when the messenger has seen it
    repeats      bigint REFERENCES switch.report_delivery, -- the delivery that this one repeats
    asked_by     text NOT NULL DEFAULT '' -- who had it repeated
);
CREATE UNIQUE INDEX report_delivery_once ON switch.report_delivery (schedule, period) WHERE repeats IS NULL;
CREATE INDEX report_delivery_due ON switch.report_delivery (due_at)
    WHERE delivered_at IS NULL AND given_up_at IS NULL;
CREATE INDEX report_delivery_again ON switch.report_delivery (number) WHERE again_by IS NOT NULL;
CREATE INDEX report_delivery_repeats ON switch.report_delivery (repeats) WHERE repeats IS NOT NULL;

-- One look at one service. `every_s` is how often it was looked at: a longer silence was not observed.
CREATE TABLE switch.probe (
    service text NOT NULL,
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    ok      boolean NOT NULL,
    micros  bigint NOT NULL, -- until the answer
    every_s real NOT NULL,
    detail  text NOT NULL DEFAULT '',
    PRIMARY KEY (service, at)
);

-- Which accounts a payment was between, as keyed hashes: equal accounts are seen to be equal, none can be read.
-- Both are null where the message cannot be read (any more). `missing`: data that FATF recommendation 16 wants.
CREATE TABLE switch.payment_party (
    number   bigint PRIMARY KEY,
    debtor   bytea,
    creditor bytea,
    missing  text[] NOT NULL DEFAULT '{}'
);
CREATE INDEX payment_party_pair ON switch.payment_party (debtor, creditor, number);

-- Rules of the large value and pattern report. A version never changes; amounts are in whole units of a currency.
CREATE TABLE switch.pattern_rules (
    version text PRIMARY KEY,
    rules   text NOT NULL, -- canonical JSON
    added_by text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- A regulator's people may read the database directly, and then see their own country through views only.

-- Which country a login of a central bank is of.
CREATE TABLE switch.regulator_login (
    login   name PRIMARY KEY,
    country char(2) NOT NULL
);

CREATE SCHEMA regulator;

-- Whose rows are shown: a login sees its own country, whatever it sets; the switch itself, which reads as
-- `payswitch_reader`, says for whom it asks.
CREATE FUNCTION regulator.country() RETURNS char(2)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(
        (SELECT country FROM switch.regulator_login WHERE login = session_user),
        CASE WHEN pg_has_role(session_user, 'payswitch_reader', 'MEMBER')
             THEN nullif(current_setting('payswitch.country', true), '')::char(2) END
    )
$$;

CREATE VIEW regulator.participant WITH (security_barrier) AS
SELECT id, name, bic, country, kind, status FROM switch.participant WHERE country = regulator.country();

CREATE VIEW regulator.settlement_window WITH (security_barrier) AS
SELECT number, currency, opened_at, closing_seq, closed_at FROM ledger.settlement_window;

CREATE VIEW regulator.position WITH (security_barrier) AS
SELECT a.owner, a.currency, a.purpose, a.closed, a.net_debit_cap, a.debits_pending, a.debits_posted,
       a.credits_pending, a.credits_posted, a.entries
  FROM ledger.account AS a
  JOIN regulator.participant AS p ON p.id = a.owner;

CREATE VIEW regulator.window_balance WITH (security_barrier) AS
SELECT b.settlement_window, a.owner, a.currency, a.purpose, b.debits_posted, b.credits_posted, b.entries
  FROM ledger.window_balance AS b
  JOIN ledger.account AS a ON a.number = b.account
  JOIN regulator.participant AS p ON p.id = a.owner;

-- No message, no name, no account: those are revealed by the switch alone, to who has that right, and written down.
CREATE VIEW regulator.payment WITH (security_barrier) AS
SELECT p.number, p.uetr, p.message_name, p.debtor_agent, p.creditor_agent, p.rail, p.fx_provider, p.rate,
       p.debit_currency, p.debit_minor, p.credit_currency, p.credit_minor, p.fee_minor, r.outcome,
       o.state AS open_state
  FROM switch.payment AS p
  LEFT JOIN ledger.resolution AS r ON r.number = p.number
  LEFT JOIN switch.open_payment AS o ON o.number = p.number
 WHERE p.sender IN (SELECT id FROM regulator.participant)
    OR p.debtor_agent IN (SELECT id FROM regulator.participant)
    OR p.creditor_agent IN (SELECT id FROM regulator.participant);

CREATE VIEW regulator.payment_event WITH (security_barrier) AS
SELECT e.seq, e.number, e.at, e.kind, e.change, e.body, e.leaf
  FROM ledger.event AS e
  JOIN regulator.payment AS p ON p.number = e.number;

CREATE VIEW regulator.checkpoint WITH (security_barrier) AS
SELECT size, root, at, note FROM ledger.checkpoint;

CREATE VIEW regulator.probe WITH (security_barrier) AS
SELECT service, at, ok, micros, every_s FROM switch.probe
 WHERE service NOT LIKE 'rail-%' OR service = 'rail-' || regulator.country();

-- Correspondence: ISO messages about payments that one participant sends another through the switch. Each reads its
-- own by `seq`. A body is sealed like a payment's messages, under a key of its own; without the key it is erased.
CREATE TABLE switch.correspondence (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id          uuid NOT NULL UNIQUE, -- of sender, definition and message id: the same message again is the same row
    uetr        uuid, -- of the payment it is about
    sender      text REFERENCES switch.participant, -- NULL: the switch itself
    receiver    text NOT NULL REFERENCES switch.participant,
    definition  text NOT NULL,
    message_id  text NOT NULL,
    fingerprint bytea NOT NULL,
    body        bytea NOT NULL,
    sealed_key  bytea,
    made        xid8 NOT NULL DEFAULT pg_current_xact_id(), -- readers wait until everything before is committed
    at          timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX correspondence_receiver ON switch.correspondence (receiver, seq);
CREATE INDEX correspondence_uetr ON switch.correspondence (uetr, seq);
CREATE INDEX correspondence_message ON switch.correspondence (receiver, message_id);

-- Webhooks: where participants want to be told of their events, and what came of telling them.
CREATE TABLE switch.webhook (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    participant text NOT NULL REFERENCES switch.participant,
    url         text NOT NULL,
    types       text[] NOT NULL DEFAULT '{}', -- of events; empty means all
    cursor      bigint NOT NULL, -- events up to here have their deliveries
    disabled    text NOT NULL DEFAULT '', -- why nothing is delivered any more
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX webhook_participant ON switch.webhook (participant);

-- The secrets with which deliveries are signed by HMAC: the newest, and its predecessor until it ends. Only the messenger
-- reads a secret.
CREATE TABLE switch.webhook_secret (
    webhook uuid NOT NULL REFERENCES switch.webhook ON DELETE CASCADE,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    secret  bytea NOT NULL CHECK (octet_length(secret) = 62), -- sealed by the keys of the installation
    until   timestamptz, -- no longer signs after; NULL: the newest
    PRIMARY KEY (webhook, made_at)
);

CREATE TABLE switch.webhook_delivery (
    webhook  uuid NOT NULL REFERENCES switch.webhook ON DELETE CASCADE,
    seq      bigint NOT NULL, -- of the event
    body     bytea NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    status   integer NOT NULL DEFAULT 0, -- HTTP's, of the last attempt; 0: none came
    detail   text NOT NULL DEFAULT '',
    due_at   timestamptz DEFAULT clock_timestamp(), -- NULL: delivered, or given up
    done_at  timestamptz,
    made_at  timestamptz NOT NULL DEFAULT now(),
    micros   bigint NOT NULL DEFAULT 0, -- until the last attempt's answer
    subject  text NOT NULL DEFAULT '', -- of the event: a delivery waits for the earlier ones of the same; empty: for none
    PRIMARY KEY (webhook, seq)
);
CREATE INDEX webhook_delivery_due_of ON switch.webhook_delivery (webhook, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_delivery_order ON switch.webhook_delivery (webhook, subject, seq) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_delivery_made ON switch.webhook_delivery (made_at);

-- Limits of a participant's payments in a currency, in minor units; null is none.
CREATE TABLE switch.payment_limit (
    participant text NOT NULL,
    currency    char(3) NOT NULL,
    per_payment bigint CHECK (per_payment >= 0),
    per_day     bigint CHECK (per_day >= 0),
    PRIMARY KEY (participant, currency)
);

-- What a limited participant's payments of its last day hold or have posted; the day is UTC.
CREATE TABLE switch.daily_use (
    participant text NOT NULL,
    currency    char(3) NOT NULL,
    day         date NOT NULL,
    minor       bigint NOT NULL CHECK (minor >= 0),
    PRIMARY KEY (participant, currency)
) WITH (fillfactor = 50);

-- record_limits: limits that were set in one batch, in the ledger's own transaction; -1 is none.
CREATE FUNCTION switch.record_limits(
    participants text[], currencies text[], per_payments bigint[], per_days bigint[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.payment_limit (participant, currency, per_payment, per_day)
    SELECT t.participant, t.currency, nullif(t.per_payment, -1), nullif(t.per_day, -1)
    FROM unnest(participants, currencies, per_payments, per_days) AS t (participant, currency, per_payment, per_day)
    ON CONFLICT (participant, currency) DO UPDATE
    SET per_payment = excluded.per_payment, per_day = excluded.per_day;
$$;

-- record_use: what limited participants have sent by the end of one batch; days count from 1970.
CREATE FUNCTION switch.record_use(participants text[], currencies text[], days integer[], minors bigint[]) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO switch.daily_use (participant, currency, day, minor)
    SELECT t.participant, t.currency, date 'epoch' + t.day, t.minor
    FROM unnest(participants, currencies, days, minors) AS t (participant, currency, day, minor)
    ON CONFLICT (participant, currency) DO UPDATE SET day = excluded.day, minor = excluded.minor;
$$;

-- A corridor settles deferred net, in its currencies' windows, or gross, payment by payment.
ALTER TABLE switch.corridor ADD COLUMN settlement text NOT NULL DEFAULT 'net' CHECK (settlement IN ('net', 'gross'));

-- What an open payment has taken of its payer's day: given back when it is voided on that day.
CREATE TABLE switch.counted_payment (
    number      bigint PRIMARY KEY,
    participant text NOT NULL,
    currency    char(3) NOT NULL,
    day         date NOT NULL,
    minor       bigint NOT NULL CHECK (minor >= 0)
) WITH (fillfactor = 50);

-- record_counted: payments that one batch counted, and those that it ended; days count from 1970.
CREATE FUNCTION switch.record_counted(
    numbers bigint[], participants text[], currencies text[], days integer[], minors bigint[], ended bigint[]
) RETURNS void LANGUAGE sql AS $$
    DELETE FROM switch.counted_payment AS c USING unnest(ended) AS t (number) WHERE c.number = t.number;
    INSERT INTO switch.counted_payment (number, participant, currency, day, minor)
    SELECT t.number, t.participant, t.currency, date 'epoch' + t.day, t.minor
    FROM unnest(numbers, participants, currencies, days, minors) AS t (number, participant, currency, day, minor);
$$;

-- Statistics over years: payments and their times by hour and by day (UTC), as the caretaker adds them up from the log.
-- Everything here follows from the log and can be made again.

-- Payments that were accepted in an hour or a day and have an outcome. Amounts are minor units.
CREATE TABLE switch.payment_fact (
    span            text NOT NULL CHECK (span IN ('hour', 'day')),
    at              timestamptz NOT NULL, -- its beginning
    sender          text NOT NULL,
    debtor_agent    text NOT NULL, -- empty: no participant
    creditor_agent  text NOT NULL,
    rail            text NOT NULL,
    debit_currency  text NOT NULL,
    credit_currency text NOT NULL,
    outcome         text NOT NULL CHECK (outcome IN ('committed', 'rejected', 'refused')),
    payments        bigint NOT NULL,
    returned        bigint NOT NULL, -- committed, and returned later
    debit_minor     numeric NOT NULL, -- the amounts are of committed payments
    credit_minor    numeric NOT NULL,
    fee_minor       numeric NOT NULL,
    returned_minor  numeric NOT NULL, -- debited, of those that were returned
    within_10_s     bigint NOT NULL,
    within_60_s     bigint NOT NULL,
    within_1_h      bigint NOT NULL,
    priced          bigint NOT NULL, -- the costs are of committed payments that were not returned
    priced_minor    numeric NOT NULL,
    cost_micros     numeric NOT NULL, -- millionths of minor units: fees and exchange margins
    within_3        bigint NOT NULL, -- cost of 3 % or less
    within_5        bigint NOT NULL,
    PRIMARY KEY (span, at, debtor_agent, creditor_agent, sender, rail, debit_currency, credit_currency, outcome)
);

-- How long committed payments took: their number in each bucket of times; see switch/statistics/times.py.
CREATE TABLE switch.payment_time_fact (
    span            text NOT NULL CHECK (span IN ('hour', 'day')),
    at              timestamptz NOT NULL,
    sender          text NOT NULL,
    debtor_agent    text NOT NULL,
    creditor_agent  text NOT NULL,
    rail            text NOT NULL,
    debit_currency  text NOT NULL,
    credit_currency text NOT NULL,
    bucket          smallint NOT NULL,
    payments        bigint NOT NULL,
    PRIMARY KEY (span, at, debtor_agent, creditor_agent, sender, rail, debit_currency, credit_currency, bucket)
);

-- What probes of each service found in an hour or a day.
CREATE TABLE switch.availability_fact (
    span        text NOT NULL CHECK (span IN ('hour', 'day')),
    at          timestamptz NOT NULL,
    service     text NOT NULL,
    probes      bigint NOT NULL,
    failed      bigint NOT NULL,
    observed_us bigint NOT NULL,
    down_us     bigint NOT NULL,
    PRIMARY KEY (span, at, service)
);

-- The liquidity of an account in an hour or a day (UTC) in which something moved on it. Amounts are minor units.
CREATE TABLE switch.liquidity_fact (
    span     text NOT NULL CHECK (span IN ('hour', 'day')),
    at       timestamptz NOT NULL, -- its beginning
    account  bigint NOT NULL,
    owner    text NOT NULL,
    currency text NOT NULL,
    purpose  text NOT NULL,
    least    bigint, -- headroom; NULL: no cap
    least_at timestamptz NOT NULL,
    exposure bigint NOT NULL, -- at the end: posted and pending debits less posted credits
    cap      bigint, -- at the end; NULL: none
    PRIMARY KEY (span, at, account)
);
CREATE INDEX liquidity_fact_account ON switch.liquidity_fact (account, at) WHERE span = 'day';

-- Up to where the facts were made: events of the log, and hours of probes.
CREATE TABLE switch.fact_mark (
    one    boolean PRIMARY KEY DEFAULT true CHECK (one),
    seq    bigint NOT NULL DEFAULT 0,
    probed timestamptz NOT NULL DEFAULT '1970-01-01 00:00:00+00'
);
INSERT INTO switch.fact_mark DEFAULT VALUES;

-- Ageing: what is no evidence is forgotten in time.
CREATE INDEX probe_at ON switch.probe (at);
CREATE INDEX report_artefact_made ON switch.report_artefact (made_at);

-- No process may delete these; the caretaker can have old ones forgotten, and none of the last thirty days.
CREATE FUNCTION switch.forget_probes(before timestamptz, most integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH old AS (
        SELECT service, at FROM switch.probe
        WHERE at < least(before, clock_timestamp() - interval '30 days') ORDER BY at LIMIT most
    ), gone AS (
        DELETE FROM switch.probe AS p USING old WHERE p.service = old.service AND p.at = old.at RETURNING 1
    )
    SELECT count(*) FROM gone
$$;

CREATE FUNCTION switch.forget_artefacts(before timestamptz, most integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH old AS (
        SELECT number FROM switch.report_artefact
        WHERE made_at < least(before, clock_timestamp() - interval '30 days') ORDER BY made_at LIMIT most
    ), gone AS (
        DELETE FROM switch.report_artefact AS a USING old WHERE a.number = old.number RETURNING 1
    )
    SELECT count(*) FROM gone
$$;

-- What was decided under the id of an order of people that the ledger has no id for; switch/writer/decided_once.py says why.
CREATE TABLE switch.decided_order (
    id      uuid PRIMARY KEY,
    verdict text NOT NULL,
    number  bigint NOT NULL
);

-- record_orders: what one batch decided, in the ledger's own transaction.
CREATE FUNCTION switch.record_orders(ids uuid[], verdicts text[], numbers bigint[]) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO switch.decided_order (id, verdict, number) SELECT * FROM unnest(ids, verdicts, numbers);
$$;

-- A settlement agent may have a door that takes instructions; without one they go out as signed files.
ALTER TABLE switch.settlement_agent ADD COLUMN door text NOT NULL DEFAULT '';

-- Who was instructed: its word counts for this settlement, whoever the currency's agent is by then.
ALTER TABLE switch.settlement ADD COLUMN agent text REFERENCES switch.participant;

-- The bytes of an instruction: signed as a file, and handed over unchanged however often.
CREATE TABLE switch.settlement_instruction (
    settlement_window bigint PRIMARY KEY REFERENCES switch.settlement,
    body              bytea NOT NULL
);

-- An instruction on its way through a door; switch/settlement/delivery.py has the states.
CREATE TABLE switch.settlement_delivery (
    settlement_window bigint PRIMARY KEY REFERENCES switch.settlement,
    door              text NOT NULL,
    state             text NOT NULL CHECK (state IN ('DUE', 'SENT', 'TAKEN')),
    enquiries         integer NOT NULL DEFAULT 0, -- since the last handing over
    due_at            timestamptz, -- NULL: waits for the agent's word, or for people
    detail            text NOT NULL DEFAULT '' -- what happened on the wire, for operators
);
CREATE INDEX settlement_delivery_due ON switch.settlement_delivery (due_at) WHERE due_at IS NOT NULL;

-- What an agent said is evidence at once, and `taken_at` once all of it was acted upon: a crash between is finished.
ALTER TABLE switch.settlement_confirmation ADD COLUMN media_type text NOT NULL DEFAULT 'application/xml';
ALTER TABLE switch.settlement_confirmation ADD COLUMN taken_at timestamptz;
CREATE INDEX settlement_confirmation_waiting ON switch.settlement_confirmation (received_at) WHERE taken_at IS NULL;

-- When and how a participant's keys were used last.
CREATE TABLE switch.key_use (
    keyid   text PRIMARY KEY REFERENCES switch.participant_key,
    used_at timestamptz NOT NULL, -- of the last signed request that was proved, by the clock of the API's machine
    ahead_s integer NOT NULL -- how far the clock of who signed it was ahead, in whole seconds; behind is negative
) WITH (fillfactor = 50);

-- The nonces of signatures that were used: none is used twice while its signature could still be taken.
CREATE TABLE switch.used_nonce (
    id    uuid PRIMARY KEY, -- of key id and nonce
    until timestamptz NOT NULL -- when no machine takes the signature any more
);
CREATE INDEX used_nonce_until ON switch.used_nonce (until);

-- The keys that sign webhooks: each delivery has a signature of every key in force, so that one can follow another. The
-- process that delivers makes a key's pair and keeps its private half; the first key is the one of before.
CREATE TABLE switch.webhook_key (
    number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_key text UNIQUE, -- NULL until the pair is made
    added_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    retired_at timestamptz -- signs no more
);
INSERT INTO switch.webhook_key DEFAULT VALUES;

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

-- What payments claim, so that none of it comes again under another UETR; switch/writer/duplicates.py says what and why.
-- A key is a keyed hash. A row is of no use after `until`, and is then forgotten.
CREATE TABLE switch.claim (
    key    uuid PRIMARY KEY,
    number bigint NOT NULL, -- of the payment that claims it
    until  timestamptz NOT NULL
);
CREATE INDEX claim_until ON switch.claim (until);

-- record_claims: what one batch claims, in the ledger's own transaction. A claim that has expired is taken over.
CREATE FUNCTION switch.record_claims(keys uuid[], numbers bigint[], untils bigint[]) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO switch.claim (key, number, until)
    SELECT t.key, t.number, to_timestamp(t.until / 1e6) FROM unnest(keys, numbers, untils) AS t (key, number, until)
    ON CONFLICT (key) DO UPDATE SET number = excluded.number, until = excluded.until;
$$;

-- No process may delete a claim; the caretaker can have those forgotten that hold no more.
CREATE FUNCTION switch.forget_claims(before timestamptz, most integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH old AS (
        SELECT key FROM switch.claim WHERE until < least(before, clock_timestamp()) ORDER BY until LIMIT most
    ), gone AS (
        DELETE FROM switch.claim AS c USING old WHERE c.key = old.key AND c.until < clock_timestamp() RETURNING 1
    )
    SELECT count(*) FROM gone
$$;

-- After a restore to an earlier instant the switch is closed until two people open it: docs/operate/restore.md.

-- A row while it is closed.
CREATE TABLE switch.closed (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    kept     bigint NOT NULL,        -- the last event that the restored database had
    until    bigint NOT NULL,        -- the last event that may have been told to anybody
    begun    boolean NOT NULL DEFAULT false, -- whether the new epoch of the log has begun
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    known_by text NOT NULL           -- how the restore became known
);

-- Rails that may have executed orders which the restore lost. Nothing is sent to one before its files were read.
CREATE TABLE switch.restore_rail (
    rail     char(2) NOT NULL,
    since    date NOT NULL,          -- first and last cycle, of the rail's clock, whose file can have such orders
    until    date NOT NULL,
    currency char(3) NOT NULL,
    read_at  timestamptz,            -- since when all of its files are read
    by       text NOT NULL DEFAULT '', -- people who confirmed that a file which is not final is complete
    seen_at  timestamptz, -- when a file of these days was last read, also of a day that had not ended
    PRIMARY KEY (rail, since)
);

-- Orders that a rail executed or refused, and that the switch no longer knows. Such a UETR is never sent again.
CREATE TABLE switch.restore_line (
    rail  char(2) NOT NULL,
    ref   text NOT NULL,
    uetr  uuid NOT NULL,
    cycle date NOT NULL,
    done  boolean NOT NULL,
    code  text NOT NULL,
    minor bigint,
    PRIMARY KEY (rail, ref)
);
CREATE INDEX restore_line_uetr ON switch.restore_line (uetr);

-- record_closing: the switch is closed; written with the first events that stand for lost ones.
CREATE FUNCTION switch.record_closing(kept bigint, until bigint, known_by text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.closed (kept, until, known_by) VALUES (kept, until, known_by)
    ON CONFLICT (one) DO UPDATE
       SET kept = CASE WHEN closed.begun THEN excluded.kept ELSE closed.kept END, -- begun: it was restored once more
           until = greatest(closed.until, excluded.until), begun = false, at = clock_timestamp(),
           known_by = excluded.known_by;
$$;

-- jump_numbers: numbers of changes, messages, breaks and keys go on beyond those that the restore may have lost.
CREATE FUNCTION switch.jump_numbers(count bigint) RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name regclass;
BEGIN
    FOR name IN SELECT c.oid FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
                 WHERE n.nspname = 'switch' AND c.relkind = 'S' LOOP
        PERFORM setval(name, nextval(name) + count);
    END LOOP;
END
$$;

-- record_restore: the new epoch of the log, written with its event. Of the numbers that a rail's orders have left in this
-- period, the first half may have been used, so the second half is used from now on.
CREATE FUNCTION switch.record_restore(
    kept bigint, root bytea, first bigint, published text,
    rails text[], currencies text[], since text[], until text[], periods text[], capacities bigint[]
) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO ledger.restore (number, kept, root, first, published)
    SELECT count(*) + 1, record_restore.kept, record_restore.root, record_restore.first, record_restore.published
      FROM ledger.restore;
    UPDATE switch.closed SET begun = true;
    INSERT INTO switch.restore_rail (rail, currency, since, until)
    SELECT unnest(rails), unnest(currencies), unnest(record_restore.since)::date, unnest(record_restore.until)::date
    ON CONFLICT (rail, since) DO UPDATE SET until = excluded.until, read_at = NULL;
    INSERT INTO switch.rail_serial AS s (rail, period, next)
    SELECT t.rail, t.period, t.capacity / 2 FROM unnest(rails, periods, capacities) AS t (rail, period, capacity)
    ON CONFLICT (rail, period) DO UPDATE
       SET next = s.next + greatest(0, (SELECT t.capacity - s.next
                                          FROM unnest(rails, periods, capacities) AS t (rail, period, capacity)
                                         WHERE t.rail = s.rail)) / 2;
    PERFORM switch.jump_numbers(record_restore.first - record_restore.kept + 10000);
END
$$;

-- record_opening: two people opened the switch; rails whose files they confirmed are opened with it.
CREATE FUNCTION switch.record_opening(complete text[], by_whom text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM switch.closed;
    UPDATE switch.restore_rail SET read_at = clock_timestamp(), by = by_whom
     WHERE read_at IS NULL AND rail = ANY (complete);
END
$$;

-- What an agent settled of payments in the time that a restore lost. It is subtracted from the next window's lines.
CREATE TABLE switch.settled_before (
    change            bigint PRIMARY KEY, -- in which two people stated it
    participant       text NOT NULL REFERENCES switch.participant,
    currency          char(3) NOT NULL,
    minor             bigint NOT NULL,   -- positive: the participant paid
    settlement_window bigint             -- whose lines it was subtracted from
);

-- Where the log stood when causes of events began to be recorded: `payswitch verify` compares what came later.
CREATE TABLE switch.caused_since (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    seq bigint NOT NULL
);

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

-- People have a database login of their own (`payswitch_pages`), and the caretaker executes what they approved.

-- What the last voter saw: the execution compares it again. `tried_at` is now set when an attempt begins.
ALTER TABLE switch.change ADD COLUMN seen text;

-- What was done with a confirmation, for the agent that waits for it: the caretaker processes all of them.
ALTER TABLE switch.settlement_confirmation ADD COLUMN result jsonb,
    DROP CONSTRAINT settlement_confirmation_pkey,
    ADD CONSTRAINT settlement_confirmation_pkey PRIMARY KEY (sha256, agent);

-- When the writer refused a note, which stays out of the log meanwhile.
ALTER TABLE switch.audit_note ADD COLUMN refused_at timestamptz;

-- Which role may write notes of which kinds; `grants.sql` states it. A role that it does not name may write all of them.
CREATE TABLE switch.note_right (
    role text,
    kind text,
    PRIMARY KEY (role, kind)
);

-- check_note_right: refuse a note of a kind that the role of this session may not write.
CREATE FUNCTION switch.check_note_right() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM switch.note_right) -- there are none before the first `grants.sql` that states them
       AND NOT EXISTS (SELECT FROM switch.note_right AS r
                        WHERE r.kind = new.kind
                          AND (r.role = current_user
                               OR current_user NOT IN (SELECT known.role FROM switch.note_right AS known)))
    THEN
        RAISE insufficient_privilege USING MESSAGE = format('%s may not write a note of kind %L', current_user, new.kind);
    END IF;
    RETURN new;
END
$$;
CREATE TRIGGER audit_note_right BEFORE INSERT ON switch.audit_note
   FOR EACH ROW EXECUTE FUNCTION switch.check_note_right();

-- end_own_key: revoke a key of a participant now; no row if it has no such key, else whether it was in force. All that an
-- API worker may do to a key: a participant revokes its own at once, and nobody has to approve.
CREATE FUNCTION switch.end_own_key(wanted text, owner text) RETURNS SETOF boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH found AS (
        SELECT keyid, revoked_at IS NULL AS valid FROM switch.participant_key
         WHERE keyid = wanted AND participant = owner FOR UPDATE
    ), ended AS (
        UPDATE switch.participant_key AS k
           SET revoked_at = clock_timestamp(), valid_until = greatest(k.valid_from, clock_timestamp())
          FROM found WHERE k.keyid = found.keyid AND found.valid
    )
    SELECT valid FROM found
$$;

-- What a settlement agent signed, so that the caretaker verifies it again. The same body with another signature is another
-- row: one that nobody believes keeps no true one out.
ALTER TABLE switch.settlement_confirmation ADD COLUMN base bytea, -- of an HTTP message signature; none of a detached JWS
    DROP CONSTRAINT settlement_confirmation_pkey,
    ADD CONSTRAINT settlement_confirmation_pkey PRIMARY KEY (sha256, agent, signature);

-- Cases: what needs a person, one for each subject. What is open follows from the facts (switch/cases/sql/subjects.sql);
-- a case keeps who works on it, and what people have done. Acts of people are audit notes, too.
CREATE TABLE switch.case_file (
    number      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        text NOT NULL CHECK (kind IN ('unknown', 'break', 'contradiction', 'default', 'exception', 'screening', 'watch',
                                         'investigation')),
    subject     text NOT NULL UNIQUE, -- payment/UETR, break/17, line/51/asha-bank: a subject has one case for ever
    rail        text NOT NULL DEFAULT '',
    participant text NOT NULL DEFAULT '',
    uetr        uuid, -- of the payment that it is about
    since       timestamptz NOT NULL, -- when what it is about began
    opened_at   timestamptz NOT NULL DEFAULT clock_timestamp(), -- the last time
    due_at      timestamptz NOT NULL, -- the deadline
    closed_at   timestamptz,
    owner       text REFERENCES switch.person,
    level       smallint NOT NULL DEFAULT 0, -- of the escalation: how many roles beside the first were told
    overdue     boolean NOT NULL DEFAULT false -- people were told that the deadline is over
) WITH (fillfactor = 50);
CREATE INDEX case_file_open ON switch.case_file (due_at) WHERE closed_at IS NULL;
CREATE INDEX case_file_uetr ON switch.case_file (uetr) WHERE uetr IS NOT NULL;

-- What happened to a case, in order. The text of a note is here only; the log has its hash.
CREATE TABLE switch.case_act (
    number  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    file    bigint NOT NULL REFERENCES switch.case_file,
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind    text NOT NULL CHECK (kind IN ('opened', 'reopened', 'closed', 'escalated', 'assigned', 'released', 'noted',
                                          'attached', 'asked', 'answered')),
    person  text REFERENCES switch.person, -- NULL: the switch itself
    about   text NOT NULL DEFAULT '', -- the new owner, the role that was told, the rail's answer
    text    text NOT NULL DEFAULT '' CHECK (length(text) <= 4000),
    sha256  bytea -- of the note or of the attachment, as the log has it
);
CREATE INDEX case_act_file ON switch.case_act (file, number);

-- Files that people attach, sealed under a key of their own like messages; without the key a file is erased.
CREATE TABLE switch.case_attachment (
    act        bigint PRIMARY KEY REFERENCES switch.case_act,
    id         uuid NOT NULL UNIQUE,
    name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    media_type text NOT NULL,
    octets     integer NOT NULL,
    body       bytea NOT NULL,
    sealed_key bytea
);

-- Questions that people put to a rail beside those of the caretaker; it sends them and notes the answer.
CREATE TABLE switch.case_question (
    act     bigint PRIMARY KEY REFERENCES switch.case_act,
    uetr    uuid NOT NULL,
    done_at timestamptz
);
CREATE INDEX case_question_open ON switch.case_question (act) WHERE done_at IS NULL;

-- How a person wants to be told of cases, by kind and channel; and where.
CREATE TABLE switch.notice_profile (
    person   text PRIMARY KEY REFERENCES switch.person,
    email    text NOT NULL DEFAULT '' CHECK (length(email) <= 254),
    webhook  text NOT NULL DEFAULT '' CHECK (length(webhook) <= 500),
    language text NOT NULL DEFAULT 'en',
    choices  text[] NOT NULL DEFAULT '{}' -- kind:channel
);

-- What people are to be told of cases: written with the case, and sent by the messenger, each once.
CREATE TABLE switch.case_notice (
    number    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    file      bigint NOT NULL REFERENCES switch.case_file,
    why       text NOT NULL CHECK (why IN ('opened', 'escalated', 'assigned', 'overdue')),
    opened_at timestamptz NOT NULL, -- of the case
    channel   text NOT NULL CHECK (channel IN ('email', 'webhook', 'browser')),
    recipient text NOT NULL, -- a person, or role:operator
    made_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts  integer NOT NULL DEFAULT 0,
    due_at    timestamptz DEFAULT clock_timestamp(), -- NULL: sent, or given up
    done_at   timestamptz, -- when it was sent
    detail    text NOT NULL DEFAULT '', -- of the last attempt
    UNIQUE (file, why, opened_at, channel, recipient)
) WITH (fillfactor = 50);
CREATE INDEX case_notice_due ON switch.case_notice (channel, recipient, number) WHERE due_at IS NOT NULL;
CREATE INDEX case_notice_done ON switch.case_notice (channel, recipient, done_at) WHERE done_at IS NOT NULL;
CREATE INDEX case_notice_made ON switch.case_notice (made_at);

-- A confirmation that states something else than the books, or that nobody signed, waits until two people have examined it.
ALTER TABLE switch.settlement_confirmation ADD COLUMN examined bigint; -- the change in which they did
CREATE INDEX settlement_confirmation_odd ON switch.settlement_confirmation (received_at)
 WHERE examined IS NULL AND (result = 'null'::jsonb OR result -> 'unmatched' <> '0'::jsonb OR result -> 'contradictions' <> '[]'::jsonb);

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

-- Tariffs: what payments of a corridor cost, by dated rows. A row is never changed, but for its end; the most specific one
-- that fits counts (switch/payments/tariffs.py). NULL: for any. Amounts are minor units of the source currency.
CREATE TABLE switch.tariff (
    number      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source      char(2) NOT NULL,
    target      char(2) NOT NULL,
    component   text NOT NULL CHECK (component IN ('switch', 'rail')),
    direction   text NOT NULL CHECK (direction IN ('out', 'in')), -- added to the amount, or taken from it
    participant text REFERENCES switch.participant, -- the debtor agent, or with 'in' the creditor agent
    purpose     text, -- ExternalPurpose1Code
    bearer      text CHECK (bearer IN ('DEBT', 'CRED', 'SHAR', 'SLEV')),
    from_minor  bigint NOT NULL DEFAULT 0 CHECK (from_minor >= 0), -- the smallest amount
    below_minor bigint CHECK (below_minor > from_minor), -- the first amount that is too large
    flat_minor  bigint NOT NULL CHECK (flat_minor >= 0),
    bps         integer NOT NULL CHECK (bps BETWEEN 0 AND 10000),
    least_minor bigint NOT NULL DEFAULT 0 CHECK (least_minor >= 0),
    most_minor  bigint CHECK (most_minor >= least_minor),
    valid_from  timestamptz NOT NULL,
    valid_until timestamptz CHECK (valid_until >= valid_from), -- the first instant at which it is no longer valid
    change      bigint NOT NULL, -- in which two people approved it
    FOREIGN KEY (source, target) REFERENCES switch.corridor
);
CREATE INDEX tariff_corridor ON switch.tariff (source, target);

-- The parts of a payment's fee; a payment whose fee is only that of its corridor has no row.
CREATE TABLE switch.payment_charge (
    number    bigint NOT NULL, -- of the payment
    place     smallint NOT NULL,
    tariff    bigint NOT NULL, -- 0: the fee of the corridor
    component text NOT NULL,
    deducted  boolean NOT NULL, -- taken from the amount: the creditor bears it
    minor     bigint NOT NULL CHECK (minor >= 0),
    PRIMARY KEY (number, place)
);

-- record_charges: the charges of the payments that one batch reserves, in the ledger's own transaction.
CREATE FUNCTION switch.record_charges(
    numbers bigint[], places smallint[], tariffs bigint[], components text[], deducted boolean[], minors bigint[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.payment_charge (number, place, tariff, component, deducted, minor)
    SELECT * FROM unnest(numbers, places, tariffs, components, deducted, minors);
$$;

-- Sanctions lists with their provenance, the sets of lists in force, and payments that screening holds.
CREATE TABLE switch.screening_list (
    number    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    publisher text NOT NULL, -- UN, OFAC, EU or own
    published date, -- the publisher's date, if the file has one
    source    text NOT NULL CHECK (length(source) BETWEEN 1 AND 300), -- where the file is from, in the words of who added it
    sha256    bytea NOT NULL UNIQUE, -- of the file
    octets    bigint NOT NULL, -- of the file
    entries   integer NOT NULL,
    names     integer NOT NULL,
    file      bytea NOT NULL, -- as published, in zlib format
    parties   bytea NOT NULL, -- its entries as every process reads them, in zlib format
    added_by  text NOT NULL,
    added_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The lists that payments are compared with from an instant on. Without a row, and with no lists, nothing is compared.
CREATE TABLE switch.screening_set (
    number        bigint PRIMARY KEY, -- of the change that set it
    lists         bigint[] NOT NULL,
    threshold     smallint NOT NULL CHECK (threshold BETWEEN 50 AND 100), -- the least score of a hit, in percent
    in_force_from timestamptz NOT NULL
);

-- The tables of an index of a set of lists, as one process made them for all. They are made again when they are not here.
CREATE TABLE switch.screening_tables (
    number    bigint NOT NULL REFERENCES switch.screening_set (number), -- of the set
    made_with bytea NOT NULL CHECK (octet_length(made_with) = 32), -- a hash of the programs and tables of names that made it
    tables    bytea NOT NULL, -- in zlib format
    made_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (number, made_with)
);
ALTER TABLE switch.screening_tables ALTER COLUMN tables SET STORAGE EXTERNAL; -- it is compressed already

-- The outside screening engine that is asked about payments from an instant on, beside the lists in force.
CREATE TABLE switch.screening_engine (
    number        bigint PRIMARY KEY, -- of the change that set it
    form          text NOT NULL CHECK (form IN ('watchman', 'json', 'none')), -- none: nobody is asked
    address       text NOT NULL,
    threshold     smallint NOT NULL CHECK (threshold BETWEEN 50 AND 100), -- the least score of a hit, in percent
    within_ms     integer NOT NULL CHECK (within_ms BETWEEN 50 AND 10000), -- for all parties of a payment
    in_force_from timestamptz NOT NULL
);

-- A payment that waits for people because a party may be on a list. It has moved nothing, and has no number in the books.
CREATE TABLE switch.screening_hold (
    number         bigint PRIMARY KEY, -- of the event that tells of it
    uetr           uuid NOT NULL UNIQUE,
    fingerprint    bytea NOT NULL,
    sender         text NOT NULL,
    message_name   text NOT NULL,
    message_id     text NOT NULL,
    end_to_end     bigint NOT NULL,
    creditor_agent text NOT NULL,
    debit_minor    bigint NOT NULL,
    debit_currency text NOT NULL,
    received_at    timestamptz NOT NULL,
    held_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at     timestamptz NOT NULL,
    raw            bytea, -- the sealed message, until the payment has a number in the books
    key            bytea, -- the sealed key of the message and of the hits, until then
    keyid          text, -- what the sender signed, until then
    signature      bytea,
    base           bytea,
    screening      integer NOT NULL, -- how many times a comparison held it: a decision is about one of them
    lists          bigint NOT NULL, -- the set of that comparison
    hits           bytea NOT NULL, -- sealed: parties, entries and scores
    hit_count      integer NOT NULL,
    decision       text CHECK (decision IN ('release', 'refuse')),
    change         bigint, -- by which people decided
    decided_at     timestamptz,
    outcome        text CHECK (outcome IN ('accepted', 'not accepted', 'refused', 'undecided')), -- undecided: it expired, or its sender cancelled it
    ended_at       timestamptz
) WITH (fillfactor = 70);
CREATE INDEX screening_hold_open ON switch.screening_hold (expires_at) WHERE ended_at IS NULL;

-- record_screening: payments that one batch holds, the present state of held ones that were decided or held again, and
-- those that ended: their messages are with the payment then. Times are microseconds since 1970.
CREATE FUNCTION switch.record_screening(
    numbers bigint[], uetrs uuid[], fingerprints bytea[], senders text[], message_names text[], message_ids text[],
    end_to_ends bigint[], creditor_agents text[], debit_minors bigint[], debit_currencies text[], receiveds bigint[],
    helds bigint[], expires bigint[], raws bytea[], keys bytea[], keyids text[], signatures bytea[], bases bytea[],
    lists bigint[], hits bytea[], hit_counts integer[],
    moved_numbers bigint[], moved_screenings integer[], moved_lists bigint[], moved_hits bytea[], moved_hit_counts integer[],
    moved_decisions text[], moved_changes bigint[],
    ended_numbers bigint[], ended_outcomes text[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.screening_hold
           (number, uetr, fingerprint, sender, message_name, message_id, end_to_end, creditor_agent, debit_minor,
            debit_currency, received_at, held_at, expires_at, raw, key, keyid, signature, base, screening, lists, hits,
            hit_count)
    SELECT t.number, t.uetr, t.fingerprint, t.sender, t.message_name, t.message_id, t.end_to_end, t.creditor_agent,
           t.debit_minor, t.debit_currency, 'epoch'::timestamptz + t.received * interval '1 microsecond',
           'epoch'::timestamptz + t.held * interval '1 microsecond',
           'epoch'::timestamptz + t.expires * interval '1 microsecond', t.raw, t.key, t.keyid, t.signature, t.base, 1,
           t.lists, t.hits, t.hit_count
    FROM unnest(numbers, uetrs, fingerprints, senders, message_names, message_ids, end_to_ends, creditor_agents,
                debit_minors, debit_currencies, receiveds, helds, expires, raws, keys, keyids, signatures, bases, lists,
                hits, hit_counts)
         AS t (number, uetr, fingerprint, sender, message_name, message_id, end_to_end, creditor_agent, debit_minor,
               debit_currency, received, held, expires, raw, key, keyid, signature, base, lists, hits, hit_count);
    UPDATE switch.screening_hold AS h
       SET screening = t.screening, lists = coalesce(t.lists, h.lists), hits = coalesce(t.hits, h.hits),
           hit_count = coalesce(t.hit_count, h.hit_count), decision = t.decision, change = t.change,
           decided_at = CASE WHEN t.decision IS NOT NULL THEN clock_timestamp() END
    FROM unnest(moved_numbers, moved_screenings, moved_lists, moved_hits, moved_hit_counts, moved_decisions, moved_changes)
         AS t (number, screening, lists, hits, hit_count, decision, change)
    WHERE h.number = t.number;
    UPDATE switch.screening_hold AS h
       SET outcome = t.outcome, ended_at = clock_timestamp(), raw = NULL, key = NULL, keyid = NULL, signature = NULL,
           base = NULL
    FROM unnest(ended_numbers, ended_outcomes) AS t (number, outcome) WHERE h.number = t.number;
$$;

-- Pairs of a party and a listed entry that two people found to be different, for a time. The party is a keyed hash of its
-- name, account and date of birth, so nobody can read it here; the caretaker fills it in from the hits of the payment.
CREATE TABLE switch.screening_clearance (
    number     bigint PRIMARY KEY, -- of the change
    uetr       uuid NOT NULL, -- the payment whose hit it is
    screening  integer NOT NULL, -- the comparison of which it is a hit
    hit        integer NOT NULL CHECK (hit > 0),
    expires_on date NOT NULL, -- its last day, UTC
    party      bytea, -- NULL: not filled in yet
    entry      text,
    ended_by   bigint, -- the change that ended it
    participant text NOT NULL DEFAULT '' -- whose own officers cleared it: it counts for what this participant sends; empty: for all
);
CREATE INDEX screening_clearance_unfilled ON switch.screening_clearance (number) WHERE party IS NULL;

-- Watch rules: patterns that hold payments or raise alarms, what was counted for them, and the alarms.
CREATE TABLE switch.watch_rule (
    number      bigint PRIMARY KEY, -- of the event that tells of it
    kind        text NOT NULL CHECK (kind IN ('structuring', 'fan_in', 'first_large', 'out_of_hours')),
    participant text NOT NULL, -- whose accounts; *: every participant's
    source      text NOT NULL, -- countries of the corridor; empty: every country
    target      text NOT NULL,
    currency    char(3) NOT NULL,
    minor       bigint NOT NULL CHECK (minor >= 0),
    percent     integer NOT NULL CHECK (percent BETWEEN 0 AND 100),
    count       integer NOT NULL CHECK (count BETWEEN 0 AND 100),
    hour_from   integer NOT NULL CHECK (hour_from BETWEEN 0 AND 23),
    hour_until  integer NOT NULL CHECK (hour_until BETWEEN 0 AND 23),
    action      text NOT NULL CHECK (action IN ('alarm', 'hold', 'none')), -- none: it is ended
    since       bigint NOT NULL, -- microseconds since 1970
    until       bigint NOT NULL, -- 0: without an end
    change      bigint NOT NULL
);

-- What was counted under a rule for an account, on its last day since 1970. A key is a hash, and so are those who paid.
CREATE TABLE switch.watch_use (
    key   uuid PRIMARY KEY,
    day   integer NOT NULL,
    count integer NOT NULL,
    seen  bigint[] NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX watch_use_day ON switch.watch_use (day);

-- Payments that a rule with the action alarm matched; two people examine them.
CREATE TABLE switch.watch_alarm (
    payment     bigint NOT NULL,
    rule        bigint NOT NULL,
    uetr        uuid NOT NULL,
    kind        text NOT NULL,
    participant text NOT NULL, -- whose account it is about
    raised_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    examined    bigint, -- the change by which two people did
    outcome     text CHECK (outcome IN ('no_concern', 'reported')),
    PRIMARY KEY (payment, rule)
);
CREATE INDEX watch_alarm_open ON switch.watch_alarm (uetr) WHERE examined IS NULL;

-- record_watch_rules: rules that were set in one batch, in the ledger's own transaction.
CREATE FUNCTION switch.record_watch_rules(
    numbers bigint[], kinds text[], participants text[], sources text[], targets text[], currencies text[], minors bigint[],
    percents integer[], counts integer[], hour_froms integer[], hour_untils integer[], actions text[], sinces bigint[],
    untils bigint[], changes bigint[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.watch_rule (number, kind, participant, source, target, currency, minor, percent, count, hour_from,
                                   hour_until, action, since, until, change)
    SELECT * FROM unnest(numbers, kinds, participants, sources, targets, currencies, minors, percents, counts, hour_froms,
                         hour_untils, actions, sinces, untils, changes)
$$;

-- record_watch_uses: what was counted by the end of one batch; those who paid are numbers with spaces.
CREATE FUNCTION switch.record_watch_uses(keys uuid[], days integer[], counts integer[], payers text[])
RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.watch_use (key, day, count, seen)
    SELECT t.key, t.day, t.count, coalesce(string_to_array(nullif(t.seen, ''), ' '), '{}')::bigint[]
    FROM unnest(keys, days, counts, payers) AS t (key, day, count, seen)
    ON CONFLICT (key) DO UPDATE SET day = excluded.day, count = excluded.count, seen = excluded.seen;
$$;

-- record_watch_alarms: alarms of the payments of one batch.
CREATE FUNCTION switch.record_watch_alarms(
    payments bigint[], uetrs uuid[], rules bigint[], kinds text[], participants text[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.watch_alarm (payment, uetr, rule, kind, participant)
    SELECT * FROM unnest(payments, uetrs, rules, kinds, participants)
$$;

-- forget_watch_uses: delete what was counted more than 400 days ago, the oldest first; return how many. From then on an
-- account that sent a large payment before is new again.
CREATE FUNCTION switch.forget_watch_uses(before timestamptz, most integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH last AS (
        SELECT (extract(epoch FROM least(before, clock_timestamp())) / 86400)::bigint - 400 AS day
    ), old AS (
        SELECT u.key FROM switch.watch_use AS u, last WHERE u.day <= last.day ORDER BY u.day LIMIT most
    ), gone AS (
        DELETE FROM switch.watch_use AS u USING old, last WHERE u.key = old.key AND u.day <= last.day RETURNING 1
    )
    SELECT count(*) FROM gone
$$;

-- Who decides about payments of a participant that screening holds. Of one without a row that of `*` counts; without
-- that, operators and checkers decide.
CREATE TABLE switch.screening_officers (
    participant text PRIMARY KEY,
    decided_by  text NOT NULL CHECK (decided_by IN ('operators', 'officers', 'participant')), -- officers: the operator's
    change      bigint NOT NULL
);

-- What corridors require of messages beyond the installation's scheme, by two people. Of a corridor, the newest row that
-- has begun is in force as a whole; of two that begin at once, that of the later change.
CREATE TABLE switch.corridor_rules (
    change           bigint PRIMARY KEY,
    source           char(2) NOT NULL,
    target           char(2) NOT NULL,
    valid_from       timestamptz NOT NULL,
    addresses        text CHECK (addresses IN ('any', 'hybrid', 'structured')), -- NULL: as the installation's scheme
    full_above_minor bigint CHECK (full_above_minor >= 0), -- above it, both parties must be known in full; NULL: never
    currency         char(3) NOT NULL,
    originator       text[] NOT NULL, -- what must be known of the originator then, beside name and account
    beneficiary      text[] NOT NULL,
    purpose_list     text, -- the list of the purpose that is required; NULL: none is required
    purpose_codes    text[] NOT NULL, -- the allowed codes; empty: all of the list
    regulatory_list  text, -- the same for regulatory reporting
    regulatory_codes text[] NOT NULL
);
CREATE INDEX corridor_rules_of ON switch.corridor_rules (source, target, valid_from, change);

-- Velocity limits: numbers of payments and sums within an hour and a day (UTC); null is none. The participant `*` is every
-- participant that has no limit of its own.
CREATE TABLE switch.velocity_limit (
    scope       text NOT NULL CHECK (scope IN ('participant', 'debtor_account', 'creditor_account')),
    participant text NOT NULL,
    currency    char(3) NOT NULL,
    hour_count  bigint CHECK (hour_count >= 0),
    hour_minor  bigint CHECK (hour_minor >= 0),
    day_count   bigint CHECK (day_count >= 0),
    day_minor   bigint CHECK (day_minor >= 0),
    change      bigint NOT NULL,
    PRIMARY KEY (scope, participant, currency)
);

-- What was counted of a participant or an account in its last hour and day; both count from 1970. A key is a hash.
CREATE TABLE switch.velocity_use (
    key        uuid PRIMARY KEY,
    hour       integer NOT NULL,
    hour_count bigint NOT NULL,
    hour_minor bigint NOT NULL,
    day        integer NOT NULL,
    day_count  bigint NOT NULL,
    day_minor  bigint NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX velocity_use_day ON switch.velocity_use (day);

-- record_velocity_limits: limits that were set in one batch, in the ledger's own transaction; -1 is none.
CREATE FUNCTION switch.record_velocity_limits(
    scopes text[], participants text[], currencies text[], hour_counts bigint[], hour_minors bigint[], day_counts bigint[],
    day_minors bigint[], changes bigint[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.velocity_limit
        (scope, participant, currency, hour_count, hour_minor, day_count, day_minor, change)
    SELECT t.scope, t.participant, t.currency, nullif(t.hour_count, -1), nullif(t.hour_minor, -1),
           nullif(t.day_count, -1), nullif(t.day_minor, -1), t.change
    FROM unnest(scopes, participants, currencies, hour_counts, hour_minors, day_counts, day_minors, changes)
      AS t (scope, participant, currency, hour_count, hour_minor, day_count, day_minor, change)
    ON CONFLICT (scope, participant, currency) DO UPDATE
    SET hour_count = excluded.hour_count, hour_minor = excluded.hour_minor, day_count = excluded.day_count,
        day_minor = excluded.day_minor, change = excluded.change;
$$;

-- record_velocity_uses: what was counted by the end of one batch.
CREATE FUNCTION switch.record_velocity_uses(
    keys uuid[], hours integer[], hour_counts bigint[], hour_minors bigint[], days integer[], day_counts bigint[],
    day_minors bigint[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.velocity_use (key, hour, hour_count, hour_minor, day, day_count, day_minor)
    SELECT t.key, t.hour, t.hour_count, t.hour_minor, t.day, t.day_count, t.day_minor
    FROM unnest(keys, hours, hour_counts, hour_minors, days, day_counts, day_minors)
      AS t (key, hour, hour_count, hour_minor, day, day_count, day_minor)
    ON CONFLICT (key) DO UPDATE
    SET hour = excluded.hour, hour_count = excluded.hour_count, hour_minor = excluded.hour_minor,
        day = excluded.day, day_count = excluded.day_count, day_minor = excluded.day_minor;
$$;

-- forget_velocity: delete uses of days that are over, the oldest first; return how many. The day before stays, because the
-- clock of whoever deletes may be ahead.
CREATE FUNCTION switch.forget_velocity(before timestamptz, most integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH last AS (
        SELECT (extract(epoch FROM least(before, clock_timestamp())) / 86400)::bigint - 2 AS day
    ), old AS (
        SELECT u.key FROM switch.velocity_use AS u, last WHERE u.day <= last.day ORDER BY u.day LIMIT most
    ), gone AS (
        DELETE FROM switch.velocity_use AS u USING old, last WHERE u.key = old.key AND u.day <= last.day RETURNING 1
    )
    SELECT count(*) FROM gone
$$;

-- Firm quotes: what the writer promised, and the payment that used it. Rows are added, never changed. Until it is used
-- or its end has come, a quote may be used by one payment of its participant.
CREATE TABLE switch.quote (
    id              uuid PRIMARY KEY,
    participant     text NOT NULL,
    creditor_agent  text NOT NULL,
    rail            text NOT NULL,
    debit_minor     bigint NOT NULL,
    debit_currency  text NOT NULL,
    credit_minor    bigint NOT NULL,
    credit_currency text NOT NULL,
    fee_minor       bigint NOT NULL,
    charges         jsonb NOT NULL, -- the parts of the fee, as the ledger's commands have them; none: only the corridor's
    bearer          text NOT NULL, -- of charges, as the payment must state it
    fx_provider     text NOT NULL, -- empty, as the rate, if nothing is converted
    rate            text NOT NULL,
    purpose         text NOT NULL, -- code of the purpose that the payment must state; empty: it must state none
    offer           bigint NOT NULL, -- of the FX provider, whose inventory it holds; 0: a rate that two people set
    expires_at      timestamptz NOT NULL,
    improvement_bps integer NOT NULL DEFAULT 0, -- by how much the provider made the rate better for this participant
    crossing        jsonb NOT NULL DEFAULT 'null' -- of a cross rate [third currency, first offer, first rate, second rate]
);
CREATE INDEX quote_expires ON switch.quote (expires_at);

CREATE TABLE switch.quote_use (
    quote  uuid PRIMARY KEY,
    number bigint NOT NULL UNIQUE -- of the payment
);

-- record_quotes: the quotes of one batch, in the ledger's own transaction.
CREATE FUNCTION switch.record_quotes(
    ids uuid[], participants text[], creditor_agents text[], rails text[], debit_minors bigint[],
    debit_currencies text[], credit_minors bigint[], credit_currencies text[], fee_minors bigint[], charges text[],
    bearers text[], fx_providers text[], rates text[], purposes text[], offers bigint[], expiries bigint[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.quote
    SELECT t.id, t.participant, t.creditor_agent, t.rail, t.debit_minor, t.debit_currency, t.credit_minor,
           t.credit_currency, t.fee_minor, t.charge::jsonb, t.bearer, t.fx_provider, t.rate, t.purpose, t.offer,
           to_timestamp(t.expiry / 1e6)
      FROM unnest(
          ids, participants, creditor_agents, rails, debit_minors, debit_currencies, credit_minors,
          credit_currencies, fee_minors, charges, bearers, fx_providers, rates, purposes, offers, expiries
      ) AS t (id, participant, creditor_agent, rail, debit_minor, debit_currency, credit_minor, credit_currency,
              fee_minor, charge, bearer, fx_provider, rate, purpose, offer, expiry);
$$;

-- record_quotes: the quotes of one batch, in the ledger's own transaction.
CREATE FUNCTION switch.record_quotes(
    ids uuid[], participants text[], creditor_agents text[], rails text[], debit_minors bigint[],
    debit_currencies text[], credit_minors bigint[], credit_currencies text[], fee_minors bigint[], charges text[],
    bearers text[], fx_providers text[], rates text[], purposes text[], offers bigint[], expiries bigint[],
    improvements bigint[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.quote
    SELECT t.id, t.participant, t.creditor_agent, t.rail, t.debit_minor, t.debit_currency, t.credit_minor,
           t.credit_currency, t.fee_minor, t.charge::jsonb, t.bearer, t.fx_provider, t.rate, t.purpose, t.offer,
           to_timestamp(t.expiry / 1e6), t.improvement
      FROM unnest(
          ids, participants, creditor_agents, rails, debit_minors, debit_currencies, credit_minors,
          credit_currencies, fee_minors, charges, bearers, fx_providers, rates, purposes, offers, expiries, improvements
      ) AS t (id, participant, creditor_agent, rail, debit_minor, debit_currency, credit_minor, credit_currency,
              fee_minor, charge, bearer, fx_provider, rate, purpose, offer, expiry, improvement);
$$;

-- record_quotes: the quotes of one batch, in the ledger's own transaction.
CREATE FUNCTION switch.record_quotes(
    ids uuid[], participants text[], creditor_agents text[], rails text[], debit_minors bigint[],
    debit_currencies text[], credit_minors bigint[], credit_currencies text[], fee_minors bigint[], charges text[],
    bearers text[], fx_providers text[], rates text[], purposes text[], offers bigint[], expiries bigint[],
    improvements bigint[], crossings text[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.quote
    SELECT t.id, t.participant, t.creditor_agent, t.rail, t.debit_minor, t.debit_currency, t.credit_minor,
           t.credit_currency, t.fee_minor, t.charge::jsonb, t.bearer, t.fx_provider, t.rate, t.purpose, t.offer,
           to_timestamp(t.expiry / 1e6), t.improvement, t.crossing::jsonb
      FROM unnest(
          ids, participants, creditor_agents, rails, debit_minors, debit_currencies, credit_minors,
          credit_currencies, fee_minors, charges, bearers, fx_providers, rates, purposes, offers, expiries, improvements,
          crossings
      ) AS t (id, participant, creditor_agent, rail, debit_minor, debit_currency, credit_minor, credit_currency,
              fee_minor, charge, bearer, fx_provider, rate, purpose, offer, expiry, improvement, crossing);
$$;

-- record_quote_uses: the quotes that payments of one batch use, in the ledger's own transaction.
CREATE FUNCTION switch.record_quote_uses(ids uuid[], numbers bigint[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.quote_use (quote, number) SELECT * FROM unnest(ids, numbers);
$$;

-- Quotes that payments wait with which screening holds, each by the number of its hold: no other payment gets them meanwhile.
CREATE TABLE switch.quote_wait (
    quote  uuid NOT NULL REFERENCES switch.quote ON DELETE CASCADE,
    number bigint NOT NULL,
    PRIMARY KEY (quote, number)
);

-- record_quote_waits: the quotes of payments that one batch holds, in the ledger's own transaction.
CREATE FUNCTION switch.record_quote_waits(ids uuid[], numbers bigint[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.quote_wait (quote, number) SELECT * FROM unnest(ids, numbers);
$$;

-- No process may delete a quote; the caretaker can have those forgotten that ended and that no payment used.
CREATE FUNCTION switch.forget_quotes(before timestamptz, most integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH old AS (
        SELECT id FROM switch.quote AS q
         WHERE q.expires_at < least(before, clock_timestamp() - interval '1 hour')
           AND NOT EXISTS (SELECT FROM switch.quote_use AS u WHERE u.quote = q.id)
         ORDER BY q.expires_at LIMIT most
    ), gone AS (
        DELETE FROM switch.quote AS q USING old WHERE q.id = old.id RETURNING 1
    )
    SELECT count(*) FROM gone
$$;

-- Offers of FX providers: the newest one of each for each pair. The log has the earlier ones, with the key that signed
-- each. Tiers are [[least amount in minor units of the source, rate as text], ...], ascending; none: withdrawn.
CREATE TABLE switch.fx_offer (
    provider        text NOT NULL REFERENCES switch.participant,
    source          char(3) NOT NULL,
    target          char(3) NOT NULL,
    number          bigint NOT NULL UNIQUE, -- the event that published it
    tiers           jsonb NOT NULL,
    valid_until     timestamptz NOT NULL,
    inventory_minor bigint, -- of the target currency, from then on; NULL: no limit
    used_minor      bigint NOT NULL DEFAULT 0, -- by payments that are not voided
    published_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    improvements    jsonb NOT NULL DEFAULT '[]', -- [[participant, basis points by which its rates are better], ...]
    PRIMARY KEY (provider, source, target)
);

-- What open payments have taken of an inventory; who takes it back when one is voided.
CREATE TABLE switch.fx_counted (
    number bigint PRIMARY KEY, -- of the payment
    offer  bigint NOT NULL,
    minor  bigint NOT NULL
);

-- The last offer of each FX provider for each pair on each day (UTC) on which it published one: its rate for small amounts,
-- NULL if it was withdrawn. Reports compare the day's payments with it.
CREATE TABLE switch.fx_closing_offer (
    provider    text NOT NULL REFERENCES switch.participant,
    source      char(3) NOT NULL,
    target      char(3) NOT NULL,
    day         date NOT NULL,
    rate        text,
    valid_until timestamptz NOT NULL,
    PRIMARY KEY (provider, source, target, day)
);

-- record_offers: the offers that one batch publishes, in the ledger's own transaction. Inventory -1: no limit.
CREATE FUNCTION switch.record_offers(
    numbers bigint[], providers text[], sources text[], targets text[], tiers text[], untils bigint[], inventories bigint[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.fx_offer AS o (provider, source, target, number, tiers, valid_until, inventory_minor, used_minor, published_at)
    SELECT t.provider, t.source, t.target, t.number, t.tier::jsonb, to_timestamp(t.until / 1e6), nullif(t.inventory, -1), 0,
           clock_timestamp()
      FROM unnest(numbers, providers, sources, targets, tiers, untils, inventories)
        AS t (number, provider, source, target, tier, until, inventory)
    ON CONFLICT (provider, source, target) DO UPDATE SET
        number = excluded.number, tiers = excluded.tiers, valid_until = excluded.valid_until,
        inventory_minor = excluded.inventory_minor, used_minor = excluded.used_minor, published_at = excluded.published_at,
        improvements = excluded.improvements;
$$;

-- record_offers: the offers that one batch publishes, in the ledger's own transaction. Inventory -1: no limit.
CREATE FUNCTION switch.record_offers(
    numbers bigint[], providers text[], sources text[], targets text[], tiers text[], untils bigint[], inventories bigint[],
    improvements text[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.fx_offer AS o (provider, source, target, number, tiers, valid_until, inventory_minor, used_minor, published_at,
                                      improvements)
    SELECT t.provider, t.source, t.target, t.number, t.tier::jsonb, to_timestamp(t.until / 1e6), nullif(t.inventory, -1), 0,
           clock_timestamp(), t.improvement::jsonb
      FROM unnest(numbers, providers, sources, targets, tiers, untils, inventories, improvements)
        AS t (number, provider, source, target, tier, until, inventory, improvement)
    ON CONFLICT (provider, source, target) DO UPDATE SET
        number = excluded.number, tiers = excluded.tiers, valid_until = excluded.valid_until,
        inventory_minor = excluded.inventory_minor, used_minor = excluded.used_minor, published_at = excluded.published_at,
        improvements = excluded.improvements;
    INSERT INTO switch.fx_closing_offer AS c (provider, source, target, day, rate, valid_until)
    SELECT t.provider, t.source, t.target, (clock_timestamp() AT TIME ZONE 'UTC')::date, t.tier::jsonb -> 0 ->> 1,
           to_timestamp(t.until / 1e6)
      FROM unnest(providers, sources, targets, tiers, untils) AS t (provider, source, target, tier, until)
    ON CONFLICT (provider, source, target, day) DO UPDATE SET rate = excluded.rate, valid_until = excluded.valid_until;
$$;

-- record_offer_use: how much of the offers is used after one batch, and the payments that begin and end to count.
CREATE FUNCTION switch.record_offer_use(
    numbers bigint[], used_minors bigint[], payments bigint[], offers bigint[], minors bigint[], ended bigint[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE switch.fx_offer AS o SET used_minor = t.used_minor
      FROM unnest(numbers, used_minors) AS t (number, used_minor) WHERE o.number = t.number;
    INSERT INTO switch.fx_counted SELECT * FROM unnest(payments, offers, minors);
    DELETE FROM switch.fx_counted AS c USING unnest(ended) AS t (number) WHERE c.number = t.number;
END $$;

-- Fixings: rates of pairs that no FX provider offers, as two people of a central bank set them, until an instant. Of a pair
-- the newest one that is in force counts. Rows are added, never changed.
CREATE TABLE switch.fx_fixing (
    change      bigint PRIMARY KEY,
    country     char(2) NOT NULL, -- of the central bank
    source      char(3) NOT NULL,
    target      char(3) NOT NULL,
    provider    text NOT NULL REFERENCES switch.participant,
    rate        numeric(20, 10) NOT NULL CHECK (rate > 0),
    valid_from  timestamptz NOT NULL,
    valid_until timestamptz NOT NULL CHECK (valid_until > valid_from)
);
CREATE INDEX fx_fixing_valid_until ON switch.fx_fixing (valid_until);

-- What central banks decided on pairs of currencies: each its own latest decision. Rates are decimal texts, empty for
-- no bound; valid_until NULL: without an end.
CREATE TABLE switch.pair_control (
    source      char(3) NOT NULL,
    target      char(3) NOT NULL,
    country     char(2) NOT NULL, -- of the central bank
    blocked     boolean NOT NULL,
    lowest      text NOT NULL,
    highest     text NOT NULL,
    valid_until timestamptz,
    change      bigint NOT NULL,
    PRIMARY KEY (source, target, country)
);

-- record_pairs: the controls that one batch sets, in the ledger's own transaction.
CREATE FUNCTION switch.record_pairs(
    sources text[], targets text[], countries text[], blocks boolean[], lowests text[], highests text[], untils bigint[],
    changes bigint[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.pair_control AS p
    SELECT t.source, t.target, t.country, t.blocked, t.lowest, t.highest,
           CASE WHEN t.until > 0 THEN to_timestamp(t.until / 1e6) END, t.change
      FROM unnest(sources, targets, countries, blocks, lowests, highests, untils, changes)
        AS t (source, target, country, blocked, lowest, highest, until, change)
    ON CONFLICT (source, target, country) DO UPDATE SET
        blocked = excluded.blocked, lowest = excluded.lowest, highest = excluded.highest,
        valid_until = excluded.valid_until, change = excluded.change;
$$;

-- How far the outside monitor has the payments of the log; without a row it was never told of any.
CREATE TABLE switch.monitor (
    one   boolean PRIMARY KEY DEFAULT true CHECK (one),
    begun bigint NOT NULL, -- payments after this event of the log are sent
    place bigint NOT NULL -- the last event that the monitor has
);
-- Files of directories of banks that are reached over a rail, as operators added them: they show later what two people voted on.
CREATE TABLE switch.directory_file (
    number   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rail     char(2) NOT NULL,
    sha256   bytea NOT NULL,
    octets   bigint NOT NULL,
    banks    jsonb NOT NULL, -- as they were read: what the difference to the directory is made of
    file     bytea NOT NULL, -- as it came, zlib
    added_by text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (rail, sha256)
);

-- Banks that are reached over a rail; a gateway, a participant, holds the position for each.
CREATE TABLE switch.indirect_participant (
    rail          char(2) NOT NULL,
    id            text NOT NULL,
    name          text NOT NULL,
    bic           text NOT NULL, -- empty: it has none
    codes         text[] NOT NULL, -- in clearing systems: each whole, or with * the beginning that its ids have
    gateway       text NOT NULL REFERENCES switch.participant,
    payment_minor bigint, -- the most of a payment, in the rail's currency; NULL: any
    day_minor     bigint, -- the most of a day (UTC)
    since         date, -- first day, by the rail's clock; NULL: always
    until         date, -- first day on which it is no longer reached; NULL: it has no end
    change        bigint NOT NULL, -- the latest that concerned it
    PRIMARY KEY (rail, id)
);
CREATE INDEX indirect_participant_codes ON switch.indirect_participant USING gin (codes);
CREATE INDEX indirect_participant_institution ON switch.indirect_participant (left(bic, 8)) WHERE bic <> '';
CREATE INDEX indirect_participant_gateway ON switch.indirect_participant (gateway);

-- Payments that begin at a rail. Which gateway takes the orders of a rail; without a row nobody does.
CREATE TABLE switch.rail_inbound (
    rail    char(2) PRIMARY KEY,
    gateway text NOT NULL REFERENCES switch.participant, -- the debtor agent of its payments
    open    boolean NOT NULL, -- false: new orders are refused, those that came are ended
    change  bigint NOT NULL, -- the latest that two people made
    purpose text NOT NULL DEFAULT '', -- of payments of orders that state none; empty: they have none
    refunds_since timestamptz, -- what is returned from then on is refunded over the rail; NULL: people refund
    parts_since timestamptz NOT NULL DEFAULT clock_timestamp() -- parts before it are refunded by people, too
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
    settled     bigint, -- the change of two people that ended what one side owes the other; 0: our refund over the rail
    refund      text NOT NULL DEFAULT '', -- state of our order to the rail that refunds the payer (switch.payments.inbound.RefundState)
    refund_uetr uuid,
    refund_ref  text NOT NULL DEFAULT '', -- the id of our order at the rail
    refund_body bytea, -- sealed; stored before it is sent
    refund_minor bigint,
    refund_tries integer NOT NULL DEFAULT 0, -- attempts that may have left us
    refund_enquiries integer NOT NULL DEFAULT 0, -- that the rail answered
    refund_expires_at timestamptz,
    refund_due_at timestamptz, -- when it is sent or asked for next; NULL: it has ended, or people end it
    refund_detail text NOT NULL DEFAULT '',
    refund_made integer NOT NULL DEFAULT 0, -- orders of ours that were made, each after the one before had expired unsent
    refund_changed_at timestamptz, -- when its state changed
    refund_back bytea, -- sealed: what the rail said of our order after it had executed it
    refund_back_minor bigint, -- what it gave back
    part_seen   bigint NOT NULL DEFAULT 0, -- the last return of a part of its payment that is owed, or was
    part_settled bigint NOT NULL DEFAULT 0, -- the last part that people have settled
    PRIMARY KEY (rail, kind, ref)
);
CREATE INDEX inbound_order_refund ON switch.inbound_order (rail, refund_ref) WHERE refund_ref <> '';
CREATE INDEX inbound_order_refund_due ON switch.inbound_order (rail, refund_due_at) WHERE refund_due_at IS NOT NULL;
CREATE INDEX inbound_order_due ON switch.inbound_order (rail, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX inbound_order_uetr ON switch.inbound_order (uetr);
CREATE INDEX inbound_order_disputed ON switch.inbound_order (rail) WHERE disputed <> '' AND settled IS NULL;
CREATE INDEX inbound_order_parts ON switch.inbound_order (rail) WHERE disputed = 'a part of its payment was returned';

-- Look-ups of rails whose price is to be firm: an API worker keeps what came, and the caretaker, which verifies it again,
-- has the price promised. What came is personal data: it is gone as soon as that is decided.
CREATE TABLE switch.inbound_lookup (
    id          uuid PRIMARY KEY,
    rail        char(2) NOT NULL,
    gateway     text NOT NULL,
    request     bytea NOT NULL, -- as it came, sealed; empty once it is decided
    waits_until timestamptz NOT NULL, -- the rail has its answer then: nothing is promised later
    decided_at  timestamptz,
    quote       uuid UNIQUE, -- NULL: nothing is promised
    payee       bytea -- keyed, of the account: an order at this quote must be for it
);
CREATE INDEX inbound_lookup_due ON switch.inbound_lookup (waits_until) WHERE decided_at IS NULL;

-- Refunds of parts: what a part of a payment of a rail's order gave back goes on to its payer by an order of its own.
CREATE TABLE switch.part_refund (
    rail              char(2) NOT NULL,
    ref               text NOT NULL, -- of the order of the rail
    part              bigint NOT NULL, -- number of the part that was returned
    ordinal           integer NOT NULL, -- which part of its payment: no two are sealed under one nonce
    refund            text NOT NULL, -- as that of switch.inbound_order, and so are all below
    refund_uetr       uuid,
    refund_ref        text NOT NULL DEFAULT '',
    refund_body       bytea,
    refund_minor      bigint,
    refund_tries      integer NOT NULL DEFAULT 0,
    refund_enquiries  integer NOT NULL DEFAULT 0,
    refund_expires_at timestamptz,
    refund_due_at     timestamptz,
    refund_detail     text NOT NULL DEFAULT '',
    refund_made       integer NOT NULL DEFAULT 0,
    refund_changed_at timestamptz,
    refund_back       bytea,
    refund_back_minor bigint,
    carried_minor     bigint, -- what it leaves to the next part; NULL: not decided, or 0
    PRIMARY KEY (rail, ref, part),
    UNIQUE (rail, ref, ordinal)
);
CREATE INDEX part_refund_due ON switch.part_refund (rail, refund_due_at) WHERE refund_due_at IS NOT NULL;
CREATE INDEX part_refund_ref ON switch.part_refund (rail, refund_ref) WHERE refund_ref <> '';
CREATE INDEX part_refund_part ON switch.part_refund (part);

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
-- Requests to pay (pain.013), and the payment that answers each. The message is in switch.correspondence.
CREATE TABLE switch.payment_request (
    number       bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    id           uuid PRIMARY KEY, -- of its message
    asker        text NOT NULL REFERENCES switch.participant, -- the creditor agent
    debtor_agent text NOT NULL REFERENCES switch.participant,
    message_id   text NOT NULL,
    definition   text NOT NULL,
    reference    bigint NOT NULL, -- keyed, of its end-to-end id, as that of payments; 0: it has none
    uetr         uuid, -- that its payment must have; NULL: any
    currency     text NOT NULL, -- what is asked for
    minor        bigint NOT NULL,
    after        bigint NOT NULL, -- its payment is in the log behind this event
    asked_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at   timestamptz NOT NULL,
    state        text NOT NULL DEFAULT 'open' CHECK (state IN (
        'open',
        'accepted', -- the debtor agent agreed, and has not paid
        'paid',
        'refused', -- by the debtor agent
        'expired'
    )),
    payment      uuid UNIQUE, -- the UETR of the payment that answered it
    reason       text NOT NULL DEFAULT '',
    ended_at     timestamptz
);
CREATE INDEX payment_request_open ON switch.payment_request (expires_at) WHERE state IN ('open', 'accepted');
CREATE INDEX payment_request_asker ON switch.payment_request (asker, number);
CREATE INDEX payment_request_debtor_agent ON switch.payment_request (debtor_agent, number);

-- Investigations: each question of a bank about a payment of its own (camt.110), until it has an end.
CREATE TABLE switch.investigation (
    id          uuid PRIMARY KEY, -- of its first camt.110, from its sender and message id
    uetr        uuid NOT NULL, -- of the payment in the books
    asker       text NOT NULL,
    name        text NOT NULL, -- the asker's own id of it
    answerer    text NOT NULL, -- the agent on the other side
    type        text NOT NULL,
    reason      text NOT NULL,
    fingerprint bytea NOT NULL, -- of the first camt.110
    message_id  text NOT NULL, -- of the camt.110 to which an answer is due
    request     jsonb NOT NULL, -- what every answer repeats: ids, codes, agents
    objections  integer NOT NULL DEFAULT 0,
    state       text NOT NULL CHECK (state IN (
        'waiting', -- the payment has no outcome yet; the switch answers when it has one
        'asked', -- the agent on the other side is asked
        'people', -- people of the operator answer; the agent on the other side may
        'answered',
        'rejected', -- an answer that the question cannot be answered
        'withdrawn' -- by its asker
    )),
    code        text NOT NULL DEFAULT '', -- reason of the last answer
    answer      text NOT NULL DEFAULT '', -- of people
    answered_by text NOT NULL DEFAULT '', -- books, people, or the participant
    asked_at    timestamptz NOT NULL DEFAULT date_trunc('milliseconds', clock_timestamp()),
    changed_at  timestamptz NOT NULL DEFAULT date_trunc('milliseconds', clock_timestamp()),
    until_at    timestamptz, -- when people are to answer in place of the other side
    ended_at    timestamptz,
    told_at     timestamptz DEFAULT clock_timestamp(), -- when the asker got what the state says; NULL: it has not yet
    interim     integer NOT NULL DEFAULT 0, -- answers PDNG since it was last asked
    UNIQUE (asker, name)
);
CREATE INDEX investigation_payment ON switch.investigation (uetr);
CREATE INDEX investigation_asked ON switch.investigation (answerer, message_id);
CREATE INDEX investigation_open ON switch.investigation (asked_at) WHERE ended_at IS NULL OR told_at IS NULL;

-- Changes of the directory (switch/payments/sql/load_directory.sql): each process asks every second whether there are new ones.
CREATE TABLE switch.directory_change (
    transaction xid8 PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE FUNCTION switch.directory_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO switch.directory_change (transaction) VALUES (pg_current_xact_id()) ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.participant
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.participant_key
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.bearer_key
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.corridor
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.corridor_rules
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.tariff
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.velocity_limit
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.watch_rule
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.fx_rate
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.fx_fixing
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.pair_control
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.rail
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.window_schedule
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.calendar_override
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.screening_set
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.screening_tables
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.screening_engine
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.closed
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
-- What payments move in an offer is no change of the directory.
CREATE TRIGGER directory_changed
    AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF number, tiers, valid_until, inventory_minor, published_at, improvements
    ON switch.fx_offer FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
