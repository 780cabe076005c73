-- The outside screening engine that is asked about payments from an instant on, beside the lists in force.
CREATE TABLE switch.screening_engine (
    number        bigint PRIMARY KEY, -- of the change that set it
    form          text NOT NULL CHECK (form IN ('watchman', 'json', 'none')), -- none: nobody is asked
    address       text NOT NULL,
    threshold     smallint NOT NULL CHECK (threshold BETWEEN 50 AND 100), -- the least score of a hit, in percent
    within_ms     integer NOT NULL CHECK (within_ms BETWEEN 50 AND 10000), -- for all parties of a payment
    in_force_from timestamptz NOT NULL
);
