-- prepare_history: where the database remembers which migrations it has had.
CREATE SCHEMA IF NOT EXISTS migration;
CREATE TABLE IF NOT EXISTS migration.applied (
    package    text NOT NULL,
    name       text NOT NULL,
    sha256     bytea NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (package, name)
);
CREATE TABLE IF NOT EXISTS migration.rights (
    one     boolean PRIMARY KEY DEFAULT true CHECK (one),
    release integer[] NOT NULL
);
