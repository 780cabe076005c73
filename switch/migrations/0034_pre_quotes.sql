-- Firm quotes: what the writer promised, and the payment that used it. Rows are added, never changed. Until it is used
-- or its end has come, a quote may be used by one payment of its participant.
CREATE TABLE switch.quote (
    id              uuid PRIMARY KEY,
    participant     text NOT NULL,
    creditor_agent  text NOT NULL,
    rail            text NOT NULL,
    debit_minor     bigint NOT NULL,
    debit_currency  text NOT NULL,
    credit_minor    bigint NOT NULL,
    credit_currency text NOT NULL,
    fee_minor       bigint NOT NULL,
    charges         jsonb NOT NULL, -- the parts of the fee, as the ledger's commands have them; none: only the corridor's
    bearer          text NOT NULL, -- of charges, as the payment must state it
    fx_provider     text NOT NULL, -- empty, as the rate, if nothing is converted
    rate            text NOT NULL,
    purpose         text NOT NULL, -- code of the purpose that the payment must state; empty: it must state none
    offer           bigint NOT NULL, -- of the FX provider, whose inventory it holds; 0: a rate that two people set
    expires_at      timestamptz NOT NULL
);
CREATE INDEX quote_expires ON switch.quote (expires_at);

CREATE TABLE switch.quote_use (
    quote  uuid PRIMARY KEY,
    number bigint NOT NULL UNIQUE -- of the payment
);

-- record_quotes: the quotes of one batch, in the ledger's own transaction.
CREATE FUNCTION switch.record_quotes(
    ids uuid[], participants text[], creditor_agents text[], rails text[], debit_minors bigint[],
    debit_currencies text[], credit_minors bigint[], credit_currencies text[], fee_minors bigint[], charges text[],
    bearers text[], fx_providers text[], rates text[], purposes text[], offers bigint[], expiries bigint[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.quote
    SELECT t.id, t.participant, t.creditor_agent, t.rail, t.debit_minor, t.debit_currency, t.credit_minor,
           t.credit_currency, t.fee_minor, t.charge::jsonb, t.bearer, t.fx_provider, t.rate, t.purpose, t.offer,
           to_timestamp(t.expiry / 1e6)
      FROM unnest(
          ids, participants, creditor_agents, rails, debit_minors, debit_currencies, credit_minors,
          credit_currencies, fee_minors, charges, bearers, fx_providers, rates, purposes, offers, expiries
      ) AS t (id, participant, creditor_agent, rail, debit_minor, debit_currency, credit_minor, credit_currency,
              fee_minor, charge, bearer, fx_provider, rate, purpose, offer, expiry);
$$;

-- record_quote_uses: the quotes that payments of one batch use, in the ledger's own transaction.
CREATE FUNCTION switch.record_quote_uses(ids uuid[], numbers bigint[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.quote_use (quote, number) SELECT * FROM unnest(ids, numbers);
$$;

-- No process may delete a quote; the caretaker can have those forgotten that ended and that no payment used.
CREATE FUNCTION switch.forget_quotes(before timestamptz, most integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH old AS (
        SELECT id FROM switch.quote AS q
         WHERE q.expires_at < least(before, clock_timestamp() - interval '1 hour')
           AND NOT EXISTS (SELECT FROM switch.quote_use AS u WHERE u.quote = q.id)
         ORDER BY q.expires_at LIMIT most
    ), gone AS (
        DELETE FROM switch.quote AS q USING old WHERE q.id = old.id RETURNING 1
    )
    SELECT count(*) FROM gone
$$;
