-- What a participant's own pages tell it of itself: how its webhook answers, and when and how its keys were used last.
ALTER TABLE switch.webhook_delivery ADD COLUMN micros bigint NOT NULL DEFAULT 0; -- until the last attempt's answer

CREATE TABLE switch.key_use (
    keyid   text PRIMARY KEY REFERENCES switch.participant_key,
    used_at timestamptz NOT NULL, -- of the last signed request that was proved, by the clock of the API's machine
    ahead_s integer NOT NULL -- how far the clock of who signed it was ahead, in whole seconds; behind is negative
) WITH (fillfactor = 50);
