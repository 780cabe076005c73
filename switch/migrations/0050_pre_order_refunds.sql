-- Refunds over the rail where a payment began: whether two people want them, and our order to the rail, one for each order.
ALTER TABLE switch.rail_inbound ADD COLUMN refunds_since timestamptz;
ALTER TABLE switch.inbound_order
    ADD COLUMN refund text NOT NULL DEFAULT '',
    ADD COLUMN refund_uetr uuid,
    ADD COLUMN refund_ref text NOT NULL DEFAULT '',
    ADD COLUMN refund_body bytea,
    ADD COLUMN refund_minor bigint,
    ADD COLUMN refund_tries integer NOT NULL DEFAULT 0,
    ADD COLUMN refund_enquiries integer NOT NULL DEFAULT 0,
    ADD COLUMN refund_expires_at timestamptz,
    ADD COLUMN refund_due_at timestamptz,
    ADD COLUMN refund_detail text NOT NULL DEFAULT '';
CREATE INDEX inbound_order_refund ON switch.inbound_order (rail, refund_ref) WHERE refund_ref <> '';
