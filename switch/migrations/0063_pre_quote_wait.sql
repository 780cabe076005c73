-- Quotes that payments wait with which screening holds, each by the number of its hold: no other payment gets them meanwhile.
CREATE TABLE switch.quote_wait (
    quote  uuid NOT NULL REFERENCES switch.quote ON DELETE CASCADE,
    number bigint NOT NULL,
    PRIMARY KEY (quote, number)
);

-- record_quote_waits: the quotes of payments that one batch holds, in the ledger's own transaction.
CREATE FUNCTION switch.record_quote_waits(ids uuid[], numbers bigint[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.quote_wait (quote, number) SELECT * FROM unnest(ids, numbers);
$$;
