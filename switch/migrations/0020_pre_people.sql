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
    CONSTRAINT person_scope CHECK ((role IN ('participant', 'regulator')) = (scope <> '')),
    CONSTRAINT person_credentials CHECK (status <> 'active' OR (password_hash IS NOT NULL AND totp_secret IS NOT NULL))
);

-- A session is known by the hash of its token. Tokens are replaced as they age: `family` is one sign-in.
CREATE TABLE switch.session (
    sha256      bytea PRIMARY KEY,
    family      uuid NOT NULL,
    person      text NOT NULL REFERENCES switch.person,
    began_at    timestamptz NOT NULL, -- of the family: the absolute limit counts from here
    made_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    replaced_at timestamptz
);
CREATE INDEX session_family ON switch.session (family);
CREATE INDEX session_person ON switch.session (person);

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

-- What was asked and agreed is evidence; a change moves on, its content does not.
REVOKE UPDATE, DELETE ON switch.change_vote, switch.change, switch.audit_note FROM payswitch_writer;
GRANT UPDATE (state, tried_at, ended_at, outcome) ON switch.change TO payswitch_writer;
GRANT UPDATE (seq) ON switch.audit_note TO payswitch_writer;
REVOKE DELETE ON switch.person FROM payswitch_writer;
REVOKE SELECT ON switch.session, switch.person_bearer_key, switch.person FROM payswitch_reader;
GRANT SELECT (name, display_name, role, scope, status, created_at) ON switch.person TO payswitch_reader;
