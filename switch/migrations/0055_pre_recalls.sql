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
        'unanswered' -- nothing came until `until_at`
    )),
    code      text NOT NULL DEFAULT '', -- why it is rejected
    asked_at  timestamptz NOT NULL DEFAULT date_trunc('milliseconds', clock_timestamp()),
    until_at  timestamptz NOT NULL, -- when it ends without an answer
    due_at    timestamptz, -- when the rail is asked next; NULL: it is not asked, or not any more
    attempts  integer NOT NULL DEFAULT 0, -- to ask the rail
    ended_at  timestamptz, -- whole milliseconds: the answer states it
    told_at   timestamptz -- when the asker had its answer
);
CREATE INDEX recall_payment ON switch.recall (payment);
CREATE INDEX recall_open ON switch.recall (until_at) WHERE ended_at IS NULL OR told_at IS NULL;
