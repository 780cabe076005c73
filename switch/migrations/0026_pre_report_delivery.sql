-- Where reports may be delivered, which are made after each period, and the outbox with its receipts.
CREATE TABLE switch.report_destination (
    name       text PRIMARY KEY,
    address    text NOT NULL,
    host_key   text NOT NULL, -- of an SFTP server
    access_key text NOT NULL, -- id, of an object store; its secret is a file
    region     text NOT NULL,
    added_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    removed_at timestamptz
);

CREATE TABLE switch.report_schedule (
    name        text PRIMARY KEY,
    report      text NOT NULL,
    format      text NOT NULL,
    language    text NOT NULL,
    scope       text NOT NULL, -- all, a country, or a participant
    rhythm      text NOT NULL,
    currency    text NOT NULL, -- of business days and windows
    destination text NOT NULL REFERENCES switch.report_destination,
    addressee   text NOT NULL,
    parameters  text NOT NULL, -- canonical JSON
    since       timestamptz NOT NULL DEFAULT clock_timestamp(), -- periods that end later are reported
    fault       text NOT NULL DEFAULT '', -- why the report of the last period could not be made
    removed_at  timestamptz
);

-- One row for each period of a schedule: it is made once, and its package never changes.
CREATE TABLE switch.report_delivery (
    number       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schedule     text NOT NULL,
    period       text NOT NULL,
    destination  text NOT NULL,
    report       text NOT NULL,
    name         text NOT NULL, -- of the package at the receiver
    sha256       bytea NOT NULL CHECK (length(sha256) = 32), -- of the package
    octets       bigint NOT NULL,
    file_sha256  bytea NOT NULL CHECK (length(file_sha256) = 32), -- of the report in it
    made_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts     integer NOT NULL DEFAULT 0,
    due_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    answer       text NOT NULL DEFAULT '', -- of the receiver, or why there is none
    delivered_to text NOT NULL DEFAULT '',
    delivered_at timestamptz,
    given_up_at  timestamptz,
    UNIQUE (schedule, period)
);
CREATE INDEX report_delivery_due ON switch.report_delivery (due_at)
    WHERE delivered_at IS NULL AND given_up_at IS NULL;
