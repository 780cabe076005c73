-- FX providers may give payments of named participants better rates: [[participant, basis points], ...] of an offer,
-- and by how many basis points the rate of a quote is better. The functions of before stay for the writer of before,
-- whose offers improve nothing.
ALTER TABLE switch.fx_offer ADD COLUMN improvements jsonb NOT NULL DEFAULT '[]';
ALTER TABLE switch.quote ADD COLUMN improvement_bps integer NOT NULL DEFAULT 0;

-- record_offers: the offers that one batch publishes, in the ledger's own transaction. Inventory -1: no limit.
CREATE FUNCTION switch.record_offers(
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
$$;

-- record_quotes: the quotes of one batch, in the ledger's own transaction.
CREATE FUNCTION switch.record_quotes(
    ids uuid[], participants text[], creditor_agents text[], rails text[], debit_minors bigint[],
    debit_currencies text[], credit_minors bigint[], credit_currencies text[], fee_minors bigint[], charges text[],
    bearers text[], fx_providers text[], rates text[], purposes text[], offers bigint[], expiries bigint[],
    improvements bigint[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.quote
    SELECT t.id, t.participant, t.creditor_agent, t.rail, t.debit_minor, t.debit_currency, t.credit_minor,
           t.credit_currency, t.fee_minor, t.charge::jsonb, t.bearer, t.fx_provider, t.rate, t.purpose, t.offer,
           to_timestamp(t.expiry / 1e6), t.improvement
      FROM unnest(
          ids, participants, creditor_agents, rails, debit_minors, debit_currencies, credit_minors,
          credit_currencies, fee_minors, charges, bearers, fx_providers, rates, purposes, offers, expiries, improvements
      ) AS t (id, participant, creditor_agent, rail, debit_minor, debit_currency, credit_minor, credit_currency,
              fee_minor, charge, bearer, fx_provider, rate, purpose, offer, expiry, improvement);
$$;

-- That of before, which the writer of before calls: what it publishes improves nothing.
CREATE OR REPLACE FUNCTION switch.record_offers(
    numbers bigint[], providers text[], sources text[], targets text[], tiers text[], untils bigint[], inventories bigint[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.fx_offer AS o (provider, source, target, number, tiers, valid_until, inventory_minor, used_minor, published_at)
    SELECT t.provider, t.source, t.target, t.number, t.tier::jsonb, to_timestamp(t.until / 1e6), nullif(t.inventory, -1), 0,
           clock_timestamp()
      FROM unnest(numbers, providers, sources, targets, tiers, untils, inventories)
        AS t (number, provider, source, target, tier, until, inventory)
    ON CONFLICT (provider, source, target) DO UPDATE SET
        number = excluded.number, tiers = excluded.tiers, valid_until = excluded.valid_until,
        inventory_minor = excluded.inventory_minor, used_minor = excluded.used_minor, published_at = excluded.published_at,
        improvements = excluded.improvements;
$$;
