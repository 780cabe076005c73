-- Payments by their references, for the search of the pages. A new table, so that nothing locks payments; it has those
-- that are recorded from now on.
CREATE TABLE switch.payment_reference (
    key    bigint NOT NULL,
    number bigint NOT NULL
);
CREATE INDEX payment_reference_key ON switch.payment_reference ((number >> 22), key);

CREATE FUNCTION switch.record_references(
    numbers bigint[], message_ids text[], native_refs text[], end_to_ends bigint[]
) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO switch.payment_reference (key, number)
    SELECT r.key, t.number
      FROM unnest(numbers, message_ids, native_refs, end_to_ends)
           AS t (number, message_id, native_ref, end_to_end)
      CROSS JOIN LATERAL (VALUES
           (hashtextextended(t.message_id, 0), true),
           (hashtextextended(t.native_ref, 0), t.native_ref <> ''),
           (t.end_to_end, t.end_to_end <> 0)
      ) AS r (key, is_known)
     WHERE r.is_known;
$$;
