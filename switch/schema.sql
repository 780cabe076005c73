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
    kind    text NOT NULL CHECK (kind IN ('direct', 'fx_provider', 'settlement_agent', 'central_bank')),
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

-- People: who may sign in, what they asked for, and who else agreed.

-- One person has one role, of one participant or one country where the role is of one (`scope`).
CREATE TABLE switch.person (
    name            text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9._-]{1,63}$'),
    display_name    text NOT NULL,
    role            text NOT NULL CHECK (role IN ('participant', 'operator', 'checker', 'regulator', 'auditor')),
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
    CONSTRAINT person_scope CHECK ((role IN ('participant', 'regulator')) = (scope <> ''))
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
        'credited_unknown_here', 'credited_but_aborted', 'refused_but_committed', 'another_amount', 'missing_at_rail'
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
    made_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX report_artefact_sha256 ON switch.report_artefact (sha256);

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
    secret  bytea NOT NULL CHECK (octet_length(secret) = 32),
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
