-- Webhooks verify with a shared secret too (`v1`), and arrive in order for each payment.

-- The secrets with which deliveries are signed by HMAC: the newest, and its predecessor until it ends. Only the messenger
-- reads a secret.
CREATE TABLE switch.webhook_secret (
    webhook uuid NOT NULL REFERENCES switch.webhook ON DELETE CASCADE,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    secret  bytea NOT NULL CHECK (octet_length(secret) = 32),
    until   timestamptz, -- no longer signs after; NULL: the newest
    PRIMARY KEY (webhook, made_at)
);

-- What the event is about: a delivery waits for the earlier ones of the same subject. Empty: for none.
ALTER TABLE switch.webhook_delivery ADD COLUMN subject text NOT NULL DEFAULT '';
CREATE INDEX webhook_delivery_order ON switch.webhook_delivery (webhook, subject, seq) WHERE due_at IS NOT NULL;
