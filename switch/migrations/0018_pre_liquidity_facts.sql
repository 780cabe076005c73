-- The liquidity of an account in an hour or a day (UTC) in which something moved on it. Amounts are minor units.
CREATE TABLE switch.liquidity_fact (
    span     text NOT NULL CHECK (span IN ('hour', 'day')),
    at       timestamptz NOT NULL, -- its beginning
    account  bigint NOT NULL,
    owner    text NOT NULL,
    currency text NOT NULL,
    purpose  text NOT NULL,
    least    bigint, -- headroom; NULL: no cap
    least_at timestamptz NOT NULL,
    exposure bigint NOT NULL, -- at the end: posted and pending debits less posted credits
    cap      bigint, -- at the end; NULL: none
    PRIMARY KEY (span, at, account)
);
CREATE INDEX liquidity_fact_account ON switch.liquidity_fact (account, at) WHERE span = 'day';

-- Everything is made again from the log, so that the liquidity is there from the same event on.
DELETE FROM switch.payment_fact;
DELETE FROM switch.payment_time_fact;
UPDATE switch.fact_mark SET seq = 0;
