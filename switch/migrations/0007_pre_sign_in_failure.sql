-- Wrong sign-ins by name and source: strangers delay themselves, never the person whose name they try.
CREATE TABLE switch.sign_in_failure (
    name       bytea NOT NULL, -- SHA-256 of what was typed: nobody of this name need exist
    source     text NOT NULL, -- a network, a device that the person signed in from before, or this machine
    is_known   boolean NOT NULL, -- a source of the person's own: it has a budget of its own
    failures   integer NOT NULL,
    at         timestamptz NOT NULL,
    wait_until timestamptz NOT NULL,
    is_admitted boolean NOT NULL, -- whether the last attempt was within the budget
    PRIMARY KEY (name, source)
);
CREATE INDEX sign_in_failure_at ON switch.sign_in_failure (at);
