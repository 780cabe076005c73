-- Files of directories of banks that are reached over a rail, as operators added them: they show later what two people voted on.
CREATE TABLE switch.directory_file (
    number   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rail     char(2) NOT NULL,
    sha256   bytea NOT NULL,
    octets   bigint NOT NULL,
    banks    jsonb NOT NULL, -- as they were read: what the difference to the directory is made of
    file     bytea NOT NULL, -- as it came, zlib
    added_by text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (rail, sha256)
);

-- Banks that are reached over a rail; a gateway, a participant, holds the position for each.
CREATE TABLE switch.indirect_participant (
    rail          char(2) NOT NULL,
    id            text NOT NULL,
    name          text NOT NULL,
    bic           text NOT NULL, -- empty: it has none
    codes         text[] NOT NULL, -- in clearing systems: each whole, or with * the beginning that its ids have
    gateway       text NOT NULL REFERENCES switch.participant,
    payment_minor bigint, -- the most of a payment, in the rail's currency; NULL: any
    day_minor     bigint, -- the most of a day (UTC)
    since         date, -- first day, by the rail's clock; NULL: always
    until         date, -- first day on which it is no longer reached; NULL: it has no end
    change        bigint NOT NULL, -- the latest that concerned it
    PRIMARY KEY (rail, id)
);
CREATE INDEX indirect_participant_codes ON switch.indirect_participant USING gin (codes);
CREATE INDEX indirect_participant_institution ON switch.indirect_participant (left(bic, 8)) WHERE bic <> '';
CREATE INDEX indirect_participant_gateway ON switch.indirect_participant (gateway);
