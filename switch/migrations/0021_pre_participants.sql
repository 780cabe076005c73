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
