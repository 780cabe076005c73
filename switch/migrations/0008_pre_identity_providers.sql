-- Sign-in with OpenID Connect: the providers that two people registered, and who is bound to which subject.
CREATE TABLE switch.identity_provider (
    id             text PRIMARY KEY CHECK (id ~ '^[a-z][a-z0-9-]{1,30}$'),
    title          text NOT NULL,
    issuer         text NOT NULL UNIQUE,
    client_id      text NOT NULL,
    scope          text NOT NULL, -- a participant, a country, or empty: the switch itself
    claim          text NOT NULL, -- with the groups of a person
    grants         text[] NOT NULL, -- group=role
    just_in_time   boolean NOT NULL, -- people are added at their first sign-in
    second_factors text[] NOT NULL -- values of acr or amr that state one; empty: ours is required
);

CREATE TABLE switch.person_subject (
    issuer   text NOT NULL,
    subject  text NOT NULL,
    person   text NOT NULL UNIQUE REFERENCES switch.person,
    bound_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (issuer, subject)
);

ALTER TABLE switch.session
    ADD COLUMN issuer text NOT NULL DEFAULT '', -- of the provider that signed the person in
    ADD COLUMN sid    text NOT NULL DEFAULT ''; -- its id of the session
CREATE INDEX session_issuer ON switch.session (issuer, sid) WHERE issuer <> '';
