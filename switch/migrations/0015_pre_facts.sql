-- Statistics over years: payments and their times by hour and by day (UTC), as the caretaker adds them up from the log.
-- Everything here follows from the log and can be made again.

-- Payments that were accepted in an hour or a day and have an outcome. Amounts are minor units.
CREATE TABLE switch.payment_fact (
    span            text NOT NULL CHECK (span IN ('hour', 'day')),
    at              timestamptz NOT NULL, -- its beginning
    sender          text NOT NULL,
    debtor_agent    text NOT NULL, -- empty: no participant
    creditor_agent  text NOT NULL,
    rail            text NOT NULL,
    debit_currency  text NOT NULL,
    credit_currency text NOT NULL,
    outcome         text NOT NULL CHECK (outcome IN ('committed', 'rejected', 'refused')),
    payments        bigint NOT NULL,
    returned        bigint NOT NULL, -- committed, and returned later
    debit_minor     numeric NOT NULL, -- the amounts are of committed payments
    credit_minor    numeric NOT NULL,
    fee_minor       numeric NOT NULL,
    returned_minor  numeric NOT NULL, -- debited, of those that were returned
    within_10_s     bigint NOT NULL,
    within_60_s     bigint NOT NULL,
    within_1_h      bigint NOT NULL,
    priced          bigint NOT NULL, -- the costs are of committed payments that were not returned
    priced_minor    numeric NOT NULL,
    cost_micros     numeric NOT NULL, -- millionths of minor units: fees and exchange margins
    within_3        bigint NOT NULL, -- cost of 3 % or less
    within_5        bigint NOT NULL,
    PRIMARY KEY (span, at, debtor_agent, creditor_agent, sender, rail, debit_currency, credit_currency, outcome)
);

-- How long committed payments took: their number in each bucket of times; see switch/statistics/times.py.
CREATE TABLE switch.payment_time_fact (
    span            text NOT NULL CHECK (span IN ('hour', 'day')),
    at              timestamptz NOT NULL,
    sender          text NOT NULL,
    debtor_agent    text NOT NULL,
    creditor_agent  text NOT NULL,
    rail            text NOT NULL,
    debit_currency  text NOT NULL,
    credit_currency text NOT NULL,
    bucket          smallint NOT NULL,
    payments        bigint NOT NULL,
    PRIMARY KEY (span, at, debtor_agent, creditor_agent, sender, rail, debit_currency, credit_currency, bucket)
);

-- What probes of each service found in an hour or a day.
CREATE TABLE switch.availability_fact (
    span        text NOT NULL CHECK (span IN ('hour', 'day')),
    at          timestamptz NOT NULL,
    service     text NOT NULL,
    probes      bigint NOT NULL,
    failed      bigint NOT NULL,
    observed_us bigint NOT NULL,
    down_us     bigint NOT NULL,
    PRIMARY KEY (span, at, service)
);

-- Up to where the facts were made: events of the log, and hours of probes.
CREATE TABLE switch.fact_mark (
    one    boolean PRIMARY KEY DEFAULT true CHECK (one),
    seq    bigint NOT NULL DEFAULT 0,
    probed timestamptz NOT NULL DEFAULT '1970-01-01 00:00:00+00'
);
INSERT INTO switch.fact_mark DEFAULT VALUES;
