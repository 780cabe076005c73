-- Refunds of parts: what a part of a payment of a rail's order gave back goes on to its payer by an order of its own.
CREATE TABLE switch.part_refund (
    rail              char(2) NOT NULL,
    ref               text NOT NULL, -- of the order of the rail
    part              bigint NOT NULL, -- number of the part that was returned
    ordinal           integer NOT NULL, -- which part of its payment: no two are sealed under one nonce
    refund            text NOT NULL, -- as that of switch.inbound_order, and so are all below
    refund_uetr       uuid,
    refund_ref        text NOT NULL DEFAULT '',
    refund_body       bytea,
    refund_minor      bigint,
    refund_tries      integer NOT NULL DEFAULT 0,
    refund_enquiries  integer NOT NULL DEFAULT 0,
    refund_expires_at timestamptz,
    refund_due_at     timestamptz,
    refund_detail     text NOT NULL DEFAULT '',
    refund_made       integer NOT NULL DEFAULT 0,
    refund_changed_at timestamptz,
    refund_back       bytea,
    refund_back_minor bigint,
    PRIMARY KEY (rail, ref, part),
    UNIQUE (rail, ref, ordinal)
);
CREATE INDEX part_refund_due ON switch.part_refund (rail, refund_due_at) WHERE refund_due_at IS NOT NULL;
CREATE INDEX part_refund_ref ON switch.part_refund (rail, refund_ref) WHERE refund_ref <> '';
CREATE INDEX part_refund_part ON switch.part_refund (part);

-- What came back before this stays with people, who may have refunded it.
ALTER TABLE switch.rail_inbound ADD COLUMN parts_since timestamptz NOT NULL DEFAULT clock_timestamp();
ALTER TABLE switch.inbound_order ADD COLUMN part_settled bigint NOT NULL DEFAULT 0; -- the last part that people have settled
UPDATE switch.inbound_order SET part_settled = part_seen WHERE settled IS NOT NULL;
CREATE INDEX inbound_order_parts ON switch.inbound_order (rail) WHERE disputed = 'a part of its payment was returned';
