-- Passkeys beside the authenticator, the confirmation of a session, and notices about changes of the sign-in.

-- `credential` is the attested credential data of WebAuthn: the id and the public key.
CREATE TABLE switch.passkey (
    id         bytea PRIMARY KEY,
    person     text NOT NULL REFERENCES switch.person,
    label      text NOT NULL,
    credential bytea NOT NULL,
    counter    bigint NOT NULL, -- of signatures; it grows, or stays 0
    added_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    used_at    timestamptz
);
CREATE INDEX passkey_person ON switch.passkey (person);

CREATE TABLE switch.person_notice (
    number  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person  text NOT NULL REFERENCES switch.person,
    text    text NOT NULL,
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    read_at timestamptz
);
CREATE INDEX person_notice_person ON switch.person_notice (person, number);

ALTER TABLE switch.session ADD COLUMN confirmed_at timestamptz; -- the second factor was proved again

-- An active person has a password and an authenticator, or passkeys. Who has none of them cannot sign in.
ALTER TABLE switch.person DROP CONSTRAINT person_credentials;
