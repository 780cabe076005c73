-- What two people have tightened of a rail's profile; NULL: as the adapter states it.
ALTER TABLE switch.rail
    ADD COLUMN minimum_minor bigint CHECK (minimum_minor > 0),
    ADD COLUMN maximum_minor bigint CHECK (maximum_minor > 0),
    ADD COLUMN hours_from time,
    ADD COLUMN hours_to time,
    ADD COLUMN fee_max_bps integer CHECK (fee_max_bps BETWEEN 0 AND 10000);
