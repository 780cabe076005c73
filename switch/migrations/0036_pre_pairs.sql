-- What central banks decided on pairs of currencies: each its own latest decision. Rates are decimal texts, empty for
-- no bound; valid_until NULL: without an end.
CREATE TABLE switch.pair_control (
    source      char(3) NOT NULL,
    target      char(3) NOT NULL,
    country     char(2) NOT NULL, -- of the central bank
    blocked     boolean NOT NULL,
    lowest      text NOT NULL,
    highest     text NOT NULL,
    valid_until timestamptz,
    change      bigint NOT NULL,
    PRIMARY KEY (source, target, country)
);

-- record_pairs: the controls that one batch sets, in the ledger's own transaction.
CREATE FUNCTION switch.record_pairs(
    sources text[], targets text[], countries text[], blocks boolean[], lowests text[], highests text[], untils bigint[],
    changes bigint[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.pair_control AS p
    SELECT t.source, t.target, t.country, t.blocked, t.lowest, t.highest,
           CASE WHEN t.until > 0 THEN to_timestamp(t.until / 1e6) END, t.change
      FROM unnest(sources, targets, countries, blocks, lowests, highests, untils, changes)
        AS t (source, target, country, blocked, lowest, highest, until, change)
    ON CONFLICT (source, target, country) DO UPDATE SET
        blocked = excluded.blocked, lowest = excluded.lowest, highest = excluded.highest,
        valid_until = excluded.valid_until, change = excluded.change;
$$;
