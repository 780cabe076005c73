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
    UNIQUE (asker, name)
);
CREATE INDEX investigation_payment ON switch.investigation (uetr);
CREATE INDEX investigation_asked ON switch.investigation (answerer, message_id);
CREATE INDEX investigation_open ON switch.investigation (asked_at) WHERE ended_at IS NULL OR told_at IS NULL;
ALTER TABLE switch.case_file DROP CONSTRAINT case_file_kind_check;
ALTER TABLE switch.case_file ADD CONSTRAINT case_file_kind_check
    CHECK (kind IN ('unknown', 'break', 'contradiction', 'default', 'exception', 'screening', 'watch', 'investigation'));
