-- What a settlement agent signed, so that the caretaker verifies it again. The same body with another signature is another
-- row: one that nobody believes keeps no true one out.
ALTER TABLE switch.settlement_confirmation ADD COLUMN base bytea, -- of an HTTP message signature; none of a detached JWS
    DROP CONSTRAINT settlement_confirmation_pkey,
    ADD CONSTRAINT settlement_confirmation_pkey PRIMARY KEY (sha256, agent, signature);
