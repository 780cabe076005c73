-- record_contradictions: what a rail says against a payment that is final is a difference for people, written in the
-- ledger's own transaction; the same one, from the rail's file or from its word, is noted once.
CREATE FUNCTION switch.record_contradictions(numbers bigint[], rails text[], kinds text[], details text[])
RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.reconciliation_break (rail, cycle, ref, uetr, kind, detail)
    SELECT p.rail, (clock_timestamp() AT TIME ZONE 'UTC')::date, p.native_ref, p.uetr, t.kind, t.detail
      FROM unnest(numbers, rails, kinds, details) AS t (number, rail, kind, detail)
      JOIN switch.payment AS p ON p.number = t.number AND p.rail = t.rail
    ON CONFLICT (rail, ref, kind) DO NOTHING;
$$;
