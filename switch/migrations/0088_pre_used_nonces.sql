-- The nonces of signatures that were used: none is used twice while its signature could still be taken.
CREATE TABLE switch.used_nonce (
    id    uuid PRIMARY KEY, -- of key id and nonce
    until timestamptz NOT NULL -- when no machine takes the signature any more
);
CREATE INDEX used_nonce_until ON switch.used_nonce (until);
