-- A gateway holds the position at a rail for banks that are reached over the rail and are no participants.
ALTER TABLE switch.participant DROP CONSTRAINT participant_kind_check;
ALTER TABLE switch.participant ADD CONSTRAINT participant_kind_check
    CHECK (kind IN ('direct', 'fx_provider', 'settlement_agent', 'central_bank', 'gateway')) NOT VALID;
ALTER TABLE switch.participant VALIDATE CONSTRAINT participant_kind_check;
