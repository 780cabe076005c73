-- The tables of an index of a set of lists, as one process made them for all. They are made again when they are not here.
CREATE TABLE switch.screening_tables (
    number    bigint NOT NULL REFERENCES switch.screening_set (number), -- of the set
    made_with bytea NOT NULL CHECK (octet_length(made_with) = 32), -- a hash of the programs and tables of names that made it
    tables    bytea NOT NULL, -- in zlib format
    made_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (number, made_with)
);
ALTER TABLE switch.screening_tables ALTER COLUMN tables SET STORAGE EXTERNAL; -- it is compressed already
