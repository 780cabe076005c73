-- Cases: what needs a person, one for each subject. What is open follows from the facts (switch/cases/sql/subjects.sql);
-- a case keeps who works on it, and what people have done. Acts of people are audit notes, too.
CREATE TABLE switch.case_file (
    number      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        text NOT NULL CHECK (kind IN ('unknown', 'break', 'contradiction', 'default', 'exception', 'screening')),
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
