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
