-- Tariffs: what payments of a corridor cost, by dated rows. A row is never changed, but for its end; the most specific one
-- that fits counts (switch/payments/tariffs.py). NULL: for any. Amounts are minor units of the source currency.
CREATE TABLE switch.tariff (
    number      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source      char(2) NOT NULL,
    target      char(2) NOT NULL,
    component   text NOT NULL CHECK (component IN ('switch', 'rail')),
    direction   text NOT NULL CHECK (direction IN ('out', 'in')), -- added to the amount, or taken from it
    participant text REFERENCES switch.participant, -- the debtor agent, or with 'in' the creditor agent
    purpose     text, -- ExternalPurpose1Code
    bearer      text CHECK (bearer IN ('DEBT', 'CRED', 'SHAR', 'SLEV')),
    from_minor  bigint NOT NULL DEFAULT 0 CHECK (from_minor >= 0), -- the smallest amount
    below_minor bigint CHECK (below_minor > from_minor), -- the first amount that is too large
    flat_minor  bigint NOT NULL CHECK (flat_minor >= 0),
    bps         integer NOT NULL CHECK (bps BETWEEN 0 AND 10000),
    least_minor bigint NOT NULL DEFAULT 0 CHECK (least_minor >= 0),
    most_minor  bigint CHECK (most_minor >= least_minor),
    valid_from  timestamptz NOT NULL,
    valid_until timestamptz CHECK (valid_until >= valid_from), -- the first instant at which it is no longer valid
    change      bigint NOT NULL, -- in which two people approved it
    FOREIGN KEY (source, target) REFERENCES switch.corridor
);
CREATE INDEX tariff_corridor ON switch.tariff (source, target);

-- The parts of a payment's fee; a payment whose fee is only that of its corridor has no row.
CREATE TABLE switch.payment_charge (
    number    bigint NOT NULL, -- of the payment
    place     smallint NOT NULL,
    tariff    bigint NOT NULL, -- 0: the fee of the corridor
    component text NOT NULL,
    deducted  boolean NOT NULL, -- taken from the amount: the creditor bears it
    minor     bigint NOT NULL CHECK (minor >= 0),
    PRIMARY KEY (number, place)
);

-- record_charges: the charges of the payments that one batch reserves, in the ledger's own transaction.
CREATE FUNCTION switch.record_charges(
    numbers bigint[], places smallint[], tariffs bigint[], components text[], deducted boolean[], minors bigint[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.payment_charge (number, place, tariff, component, deducted, minor)
    SELECT * FROM unnest(numbers, places, tariffs, components, deducted, minors);
$$;
