-- Settlement: calendars, schedules, agents, and what became of each closed window.

-- A day that is not what the currency's calendar says.
CREATE TABLE switch.calendar_override (
    currency char(3) NOT NULL,
    day      date NOT NULL,
    business boolean NOT NULL,
    reason   text NOT NULL,
    PRIMARY KEY (currency, day)
);

-- When windows of a currency close, by the clock of its zone.
CREATE TABLE switch.window_schedule (
    currency  char(3) PRIMARY KEY,
    country   char(2) NOT NULL, -- whose holidays
    zone      text NOT NULL, -- IANA name
    closes_at time[] NOT NULL CHECK (cardinality(closes_at) BETWEEN 1 AND 24),
    enabled   boolean NOT NULL DEFAULT true
);

-- Who moves the money of a currency between banks: a participant of kind settlement_agent.
CREATE TABLE switch.settlement_agent (
    currency   char(3) PRIMARY KEY,
    agent      text NOT NULL REFERENCES switch.participant,
    scheme_bic text NOT NULL, -- we, as the agent knows us
    account    text NOT NULL  -- the scheme's account there
);

-- One row a closed window; switch/settlement/states.py has the states.
CREATE TABLE switch.settlement (
    settlement_window bigint PRIMARY KEY,
    currency          char(3) NOT NULL,
    state             text NOT NULL CHECK (state IN ('CLOSED', 'CONFIRMED', 'SETTLING', 'SETTLED', 'ABORTED')),
    positions_sha256  text NOT NULL, -- what central banks confirm
    value_date        date NOT NULL,
    changed_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    message_id        text,
    file              text, -- of the instruction, below the data directory
    file_sha256       text
);
CREATE INDEX settlement_not_final ON switch.settlement (settlement_window) WHERE state NOT IN ('SETTLED', 'ABORTED');

-- What one participant has to pay (negative) or to receive for a window.
CREATE TABLE switch.settlement_line (
    settlement_window bigint NOT NULL REFERENCES switch.settlement,
    participant       text NOT NULL REFERENCES switch.participant,
    account           bigint NOT NULL,
    net_minor         bigint NOT NULL, -- of this window
    carried_minor     bigint NOT NULL DEFAULT 0, -- of earlier ones that were held or aborted
    state             text NOT NULL CHECK (state IN ('DUE', 'INSTRUCTED', 'SETTLED', 'HELD', 'CARRIED')),
    id                uuid NOT NULL UNIQUE, -- UETR of the instruction, and the ledger's id of its hold
    transfer          bigint, -- number of the hold
    reason            text NOT NULL DEFAULT '',
    changed_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    carried_to        bigint, -- window whose line took it over
    PRIMARY KEY (settlement_window, participant)
);
CREATE INDEX settlement_line_transfer ON switch.settlement_line (transfer) WHERE transfer IS NOT NULL;
CREATE INDEX settlement_line_held ON switch.settlement_line (participant) WHERE state = 'HELD';

-- What agents said, as it came: evidence.
CREATE TABLE switch.settlement_confirmation (
    sha256      bytea PRIMARY KEY,
    agent       text NOT NULL REFERENCES switch.participant,
    message     text NOT NULL,
    body        bytea NOT NULL,
    signature   text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
REVOKE UPDATE, DELETE ON switch.settlement_confirmation FROM payswitch_writer;
REVOKE DELETE ON switch.settlement, switch.settlement_line FROM payswitch_writer;
