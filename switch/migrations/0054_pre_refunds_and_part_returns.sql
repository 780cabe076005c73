-- Refunds of orders have an end: how many orders of ours were made, and what the rail gave back of one that it had executed.
ALTER TABLE switch.inbound_order
    ADD COLUMN refund_made integer NOT NULL DEFAULT 0,
    ADD COLUMN refund_changed_at timestamptz,
    ADD COLUMN refund_back bytea,
    ADD COLUMN refund_back_minor bigint;
CREATE INDEX inbound_order_refund_due ON switch.inbound_order (rail, refund_due_at) WHERE refund_due_at IS NOT NULL;

-- Returns of a part of a payment, and returns at the rate in force: each is a set of its own in the ledger, whose number this is.
CREATE TABLE switch.part_return (
    number       bigint PRIMARY KEY,
    id           uuid NOT NULL UNIQUE, -- of the set
    payment      bigint NOT NULL, -- number of the payment
    credit_minor bigint NOT NULL CHECK (credit_minor > 0), -- what the creditor agent gives back
    debit_minor  bigint NOT NULL CHECK (debit_minor > 0), -- what the debtor agent gets
    share_minor  bigint NOT NULL CHECK (share_minor >= debit_minor), -- what it would get at the rate of the payment
    rate         text NOT NULL, -- empty: the payment was not converted
    reason       text NOT NULL,
    reference    text NOT NULL, -- of whoever returned it: the sender's id, the rail's id, or the change
    at           timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX part_return_payment ON switch.part_return (payment, number);

-- record_part_returns: those that one batch books, in the ledger's own transaction.
CREATE FUNCTION switch.record_part_returns(
    numbers bigint[], ids uuid[], payments bigint[], credits bigint[], debits bigint[], shares bigint[], rates text[],
    reasons text[], refs text[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.part_return (number, id, payment, credit_minor, debit_minor, share_minor, rate, reason, reference)
    SELECT * FROM unnest(numbers, ids, payments, credits, debits, shares, rates, reasons, refs);
$$;

-- What a part gave back of a payment of a rail's order is owed to its payer.
ALTER TABLE switch.inbound_order ADD COLUMN part_seen bigint NOT NULL DEFAULT 0;
