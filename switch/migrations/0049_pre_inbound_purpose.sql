-- The purpose of payments of orders that state none: two people set it with the gateway of a rail.
ALTER TABLE switch.rail_inbound ADD COLUMN purpose text NOT NULL DEFAULT '';
