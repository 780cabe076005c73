-- What corridors require of messages beyond the installation's scheme, by two people. Of a corridor, the newest row that
-- has begun is in force as a whole; of two that begin at once, that of the later change.
CREATE TABLE switch.corridor_rules (
    change           bigint PRIMARY KEY,
    source           char(2) NOT NULL,
    target           char(2) NOT NULL,
    valid_from       timestamptz NOT NULL,
    addresses        text CHECK (addresses IN ('any', 'hybrid', 'structured')), -- NULL: as the installation's scheme
    full_above_minor bigint CHECK (full_above_minor >= 0), -- above it, both parties must be known in full; NULL: never
    currency         char(3) NOT NULL,
    originator       text[] NOT NULL, -- what must be known of the originator then, beside name and account
    beneficiary      text[] NOT NULL,
    purpose_list     text, -- the list of the purpose that is required; NULL: none is required
    purpose_codes    text[] NOT NULL, -- the allowed codes; empty: all of the list
    regulatory_list  text, -- the same for regulatory reporting
    regulatory_codes text[] NOT NULL
);
CREATE INDEX corridor_rules_of ON switch.corridor_rules (source, target, valid_from, change);
