-- Correspondence: ISO messages about payments that one participant sends another through the switch. Each reads its
-- own by `seq`. A body is sealed like a payment's messages, under a key of its own; without the key it is erased.
CREATE TABLE switch.correspondence (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id          uuid NOT NULL UNIQUE, -- of sender, definition and message id: the same message again is the same row
    uetr        uuid, -- of the payment it is about
    sender      text NOT NULL REFERENCES switch.participant,
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
REVOKE UPDATE, DELETE ON switch.correspondence FROM payswitch_writer;
REVOKE SELECT ON switch.correspondence FROM payswitch_reader;
