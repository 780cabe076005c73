-- Refunds of orders have an end: how many orders of ours were made, and what the rail gave back of one that it had executed.
ALTER TABLE switch.inbound_order
    ADD COLUMN refund_made integer NOT NULL DEFAULT 0,
    ADD COLUMN refund_changed_at timestamptz,
    ADD COLUMN refund_back bytea,
    ADD COLUMN refund_back_minor bigint;
CREATE INDEX inbound_order_refund_due ON switch.inbound_order (rail, refund_due_at) WHERE refund_due_at IS NOT NULL;
