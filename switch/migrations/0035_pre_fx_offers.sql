-- Offers of FX providers: the newest one of each for each pair. The log has the earlier ones, with the key that signed
-- each. Tiers are [[least amount in minor units of the source, rate as text], ...], ascending; none: withdrawn.
CREATE TABLE switch.fx_offer (
    provider        text NOT NULL REFERENCES switch.participant,
    source          char(3) NOT NULL,
    target          char(3) NOT NULL,
    number          bigint NOT NULL UNIQUE, -- the event that published it
    tiers           jsonb NOT NULL,
    valid_until     timestamptz NOT NULL,
    inventory_minor bigint, -- of the target currency, from then on; NULL: no limit
    used_minor      bigint NOT NULL DEFAULT 0, -- by payments that are not voided
    published_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (provider, source, target)
);

-- What open payments have taken of an inventory; who takes it back when one is voided.
CREATE TABLE switch.fx_counted (
    number bigint PRIMARY KEY, -- of the payment
    offer  bigint NOT NULL,
    minor  bigint NOT NULL
);

-- record_offers: the offers that one batch publishes, in the ledger's own transaction. Inventory -1: no limit.
CREATE FUNCTION switch.record_offers(
    numbers bigint[], providers text[], sources text[], targets text[], tiers text[], untils bigint[], inventories bigint[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.fx_offer AS o (provider, source, target, number, tiers, valid_until, inventory_minor, used_minor, published_at)
    SELECT t.provider, t.source, t.target, t.number, t.tier::jsonb, to_timestamp(t.until / 1e6), nullif(t.inventory, -1), 0,
           clock_timestamp()
      FROM unnest(numbers, providers, sources, targets, tiers, untils, inventories)
        AS t (number, provider, source, target, tier, until, inventory)
    ON CONFLICT (provider, source, target) DO UPDATE SET
        number = excluded.number, tiers = excluded.tiers, valid_until = excluded.valid_until,
        inventory_minor = excluded.inventory_minor, used_minor = excluded.used_minor, published_at = excluded.published_at;
$$;

-- record_offer_use: how much of the offers is used after one batch, and the payments that begin and end to count.
CREATE FUNCTION switch.record_offer_use(
    numbers bigint[], used_minors bigint[], payments bigint[], offers bigint[], minors bigint[], ended bigint[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE switch.fx_offer AS o SET used_minor = t.used_minor
      FROM unnest(numbers, used_minors) AS t (number, used_minor) WHERE o.number = t.number;
    INSERT INTO switch.fx_counted SELECT * FROM unnest(payments, offers, minors);
    DELETE FROM switch.fx_counted AS c USING unnest(ended) AS t (number) WHERE c.number = t.number;
END $$;
