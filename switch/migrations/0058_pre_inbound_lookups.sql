-- Look-ups of rails whose price is to be firm: an API worker keeps what came, and the caretaker, which verifies it again,
-- has the price promised. What came is personal data: it is gone as soon as that is decided.
CREATE TABLE switch.inbound_lookup (
    id          uuid PRIMARY KEY,
    rail        char(2) NOT NULL,
    gateway     text NOT NULL,
    request     bytea NOT NULL, -- as it came, sealed; empty once it is decided
    waits_until timestamptz NOT NULL, -- the rail has its answer then: nothing is promised later
    decided_at  timestamptz,
    quote       uuid UNIQUE, -- NULL: nothing is promised
    payee       bytea -- keyed, of the account: an order at this quote must be for it
);
CREATE INDEX inbound_lookup_due ON switch.inbound_lookup (waits_until) WHERE decided_at IS NULL;
