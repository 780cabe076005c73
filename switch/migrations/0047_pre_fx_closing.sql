-- The last offer of each FX provider for each pair on each day (UTC) on which it published one: its rate for small amounts,
-- NULL if it was withdrawn. Reports compare the day's payments with it.
CREATE TABLE switch.fx_closing_offer (
    provider    text NOT NULL REFERENCES switch.participant,
    source      char(3) NOT NULL,
    target      char(3) NOT NULL,
    day         date NOT NULL,
    rate        text,
    valid_until timestamptz NOT NULL,
    PRIMARY KEY (provider, source, target, day)
);

-- record_offers: the offers that one batch publishes, in the ledger's own transaction. Inventory -1: no limit.
CREATE OR REPLACE FUNCTION switch.record_offers(
    numbers bigint[], providers text[], sources text[], targets text[], tiers text[], untils bigint[], inventories bigint[],
    improvements text[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.fx_offer AS o (provider, source, target, number, tiers, valid_until, inventory_minor, used_minor, published_at,
                                      improvements)
    SELECT t.provider, t.source, t.target, t.number, t.tier::jsonb, to_timestamp(t.until / 1e6), nullif(t.inventory, -1), 0,
           clock_timestamp(), t.improvement::jsonb
      FROM unnest(numbers, providers, sources, targets, tiers, untils, inventories, improvements)
        AS t (number, provider, source, target, tier, until, inventory, improvement)
    ON CONFLICT (provider, source, target) DO UPDATE SET
        number = excluded.number, tiers = excluded.tiers, valid_until = excluded.valid_until,
        inventory_minor = excluded.inventory_minor, used_minor = excluded.used_minor, published_at = excluded.published_at,
        improvements = excluded.improvements;
    INSERT INTO switch.fx_closing_offer AS c (provider, source, target, day, rate, valid_until)
    SELECT t.provider, t.source, t.target, (clock_timestamp() AT TIME ZONE 'UTC')::date, t.tier::jsonb -> 0 ->> 1,
           to_timestamp(t.until / 1e6)
      FROM unnest(providers, sources, targets, tiers, untils) AS t (provider, source, target, tier, until)
    ON CONFLICT (provider, source, target, day) DO UPDATE SET rate = excluded.rate, valid_until = excluded.valid_until;
$$;
