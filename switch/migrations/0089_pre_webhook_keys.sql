-- The keys that sign webhooks: each delivery has a signature of every key in force, so that one can follow another. The
-- process that delivers makes a key's pair and keeps its private half; the first key is the one of before.
CREATE TABLE switch.webhook_key (
    number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_key text UNIQUE, -- NULL until the pair is made
    added_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    retired_at timestamptz -- signs no more
);
REVOKE DELETE ON switch.webhook_key FROM payswitch_writer;
INSERT INTO switch.webhook_key DEFAULT VALUES;
