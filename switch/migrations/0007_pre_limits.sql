-- Limits of a participant's payments in a currency, in minor units; null is none.
CREATE TABLE switch.payment_limit (
    participant text NOT NULL,
    currency    char(3) NOT NULL,
    per_payment bigint CHECK (per_payment >= 0),
    per_day     bigint CHECK (per_day >= 0),
    PRIMARY KEY (participant, currency)
);

-- What a limited participant has sent on its last day, whatever became of it; the day is UTC.
CREATE TABLE switch.daily_use (
    participant text NOT NULL,
    currency    char(3) NOT NULL,
    day         date NOT NULL,
    minor       bigint NOT NULL CHECK (minor >= 0),
    PRIMARY KEY (participant, currency)
) WITH (fillfactor = 50);

-- record_limits: limits that were set in one batch, in the ledger's own transaction; -1 is none.
CREATE FUNCTION switch.record_limits(
    participants text[], currencies text[], per_payments bigint[], per_days bigint[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.payment_limit (participant, currency, per_payment, per_day)
    SELECT t.participant, t.currency, nullif(t.per_payment, -1), nullif(t.per_day, -1)
    FROM unnest(participants, currencies, per_payments, per_days) AS t (participant, currency, per_payment, per_day)
    ON CONFLICT (participant, currency) DO UPDATE
    SET per_payment = excluded.per_payment, per_day = excluded.per_day;
$$;

-- record_use: what limited participants have sent by the end of one batch; days count from 1970.
CREATE FUNCTION switch.record_use(participants text[], currencies text[], days integer[], minors bigint[]) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO switch.daily_use (participant, currency, day, minor)
    SELECT t.participant, t.currency, date 'epoch' + t.day, t.minor
    FROM unnest(participants, currencies, days, minors) AS t (participant, currency, day, minor)
    ON CONFLICT (participant, currency) DO UPDATE SET day = excluded.day, minor = excluded.minor;
$$;
