-- Cross rates: those through a third currency, of a quote as [third currency, offer of the first rate, first rate, second
-- rate]; the offer of the second one is that of the quote. And fixings, where nobody offers a pair.
ALTER TABLE switch.quote ADD COLUMN crossing jsonb NOT NULL DEFAULT 'null';

-- record_quotes: the quotes of one batch, in the ledger's own transaction.
CREATE FUNCTION switch.record_quotes(
    ids uuid[], participants text[], creditor_agents text[], rails text[], debit_minors bigint[],
    debit_currencies text[], credit_minors bigint[], credit_currencies text[], fee_minors bigint[], charges text[],
    bearers text[], fx_providers text[], rates text[], purposes text[], offers bigint[], expiries bigint[],
    improvements bigint[], crossings text[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.quote
    SELECT t.id, t.participant, t.creditor_agent, t.rail, t.debit_minor, t.debit_currency, t.credit_minor,
           t.credit_currency, t.fee_minor, t.charge::jsonb, t.bearer, t.fx_provider, t.rate, t.purpose, t.offer,
           to_timestamp(t.expiry / 1e6), t.improvement, t.crossing::jsonb
      FROM unnest(
          ids, participants, creditor_agents, rails, debit_minors, debit_currencies, credit_minors,
          credit_currencies, fee_minors, charges, bearers, fx_providers, rates, purposes, offers, expiries, improvements,
          crossings
      ) AS t (id, participant, creditor_agent, rail, debit_minor, debit_currency, credit_minor, credit_currency,
              fee_minor, charge, bearer, fx_provider, rate, purpose, offer, expiry, improvement, crossing);
$$;

-- Fixings: rates of pairs that no FX provider offers, as two people of a central bank set them, until an instant. Of a pair
-- the newest one that is in force counts. Rows are added, never changed.
CREATE TABLE switch.fx_fixing (
    change      bigint PRIMARY KEY,
    country     char(2) NOT NULL, -- of the central bank
    source      char(3) NOT NULL,
    target      char(3) NOT NULL,
    provider    text NOT NULL REFERENCES switch.participant,
    rate        numeric(20, 10) NOT NULL CHECK (rate > 0),
    valid_from  timestamptz NOT NULL,
    valid_until timestamptz NOT NULL CHECK (valid_until > valid_from)
);
CREATE INDEX fx_fixing_valid_until ON switch.fx_fixing (valid_until);
