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

CREATE TABLE switch.webhook_delivery (
    webhook  uuid NOT NULL REFERENCES switch.webhook ON DELETE CASCADE,
    seq      bigint NOT NULL, -- of the event
    body     bytea NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    status   integer NOT NULL DEFAULT 0, -- HTTP's, of the last attempt; 0: none came
    detail   text NOT NULL DEFAULT '',
    due_at   timestamptz DEFAULT clock_timestamp(), -- NULL: delivered, or given up
    done_at  timestamptz,
    PRIMARY KEY (webhook, seq)
);
CREATE INDEX webhook_delivery_due ON switch.webhook_delivery (due_at) WHERE due_at IS NOT NULL;
