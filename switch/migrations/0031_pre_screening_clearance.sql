-- Pairs of a party and a listed entry that two people found to be different, for a time. The party is a keyed hash of its
-- name, account and date of birth, so nobody can read it here; the caretaker fills it in from the hits of the payment.
CREATE TABLE switch.screening_clearance (
    number     bigint PRIMARY KEY, -- of the change
    uetr       uuid NOT NULL, -- the payment whose hit it is
    screening  integer NOT NULL, -- the comparison of which it is a hit
    hit        integer NOT NULL CHECK (hit > 0),
    expires_on date NOT NULL, -- its last day, UTC
    party      bytea, -- NULL: not filled in yet
    entry      text,
    ended_by   bigint -- the change that ended it
);
CREATE INDEX screening_clearance_unfilled ON switch.screening_clearance (number) WHERE party IS NULL;
