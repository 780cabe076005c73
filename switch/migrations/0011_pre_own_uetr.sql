-- The identity of a payment is its sender and the UETR that it states. Where another participant has used the UETR
-- before, the books, the rail and the creditor agent know the payment by a UETR of its own, derived from both.
CREATE TABLE switch.own_uetr (
    uetr   uuid PRIMARY KEY,
    sender text NOT NULL,
    stated uuid NOT NULL,
    UNIQUE (stated, sender)
);
