-- What a rail gave back of payments that were credited: booked as a return by rule, or left to people.
CREATE TABLE switch.rail_return (
    number       bigint NOT NULL, -- of the payment
    reference    text NOT NULL, -- the rail's id of the return
    minor        bigint NOT NULL CHECK (minor > 0),
    currency     char(3) NOT NULL,
    reason       text NOT NULL,
    received_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    message_id   uuid NOT NULL, -- with it and its key the rail's message is sealed
    message      bytea NOT NULL,
    sealed_key   bytea, -- NULL once the message was erased
    left_because text, -- why the rule does not permit to book it; people decide then
    notified_at  timestamptz, -- when the debtor agent's pacs.004 was written
    PRIMARY KEY (number, reference)
);
CREATE INDEX rail_return_due ON switch.rail_return (received_at) WHERE notified_at IS NULL;

ALTER TABLE switch.reconciliation_break DROP CONSTRAINT reconciliation_break_kind_check;
ALTER TABLE switch.reconciliation_break ADD CONSTRAINT reconciliation_break_kind_check CHECK (kind IN (
    'credited_unknown_here', 'credited_but_aborted', 'refused_but_committed', 'another_amount', 'missing_at_rail',
    'returned_by_rail'
));

-- record_rail_returns: what rails gave back, each with the break that is open until it is booked or people decide.
CREATE FUNCTION switch.record_rail_returns(
    numbers bigint[], refs text[], minors bigint[], currencies text[], reasons text[], details text[], message_ids uuid[],
    messages bytea[], sealed_keys bytea[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.rail_return (number, reference, minor, currency, reason, message_id, message, sealed_key)
    SELECT t.number, t.ref, t.minor, t.currency, t.reason, t.message_id, t.message, t.sealed_key
      FROM unnest(numbers, refs, minors, currencies, reasons, message_ids, messages, sealed_keys)
        AS t (number, ref, minor, currency, reason, message_id, message, sealed_key);
    INSERT INTO switch.reconciliation_break (rail, cycle, ref, uetr, kind, detail)
    SELECT p.rail, (clock_timestamp() AT TIME ZONE 'UTC')::date, p.native_ref || '/' || t.ref, p.uetr, 'returned_by_rail',
           t.detail
      FROM unnest(numbers, refs, details) AS t (number, ref, detail) JOIN switch.payment AS p ON p.number = t.number
    ON CONFLICT (rail, ref, kind) DO NOTHING;
$$;

-- record_rail_return_ends: those that were booked, and those that are left to people because of something.
CREATE FUNCTION switch.record_rail_return_ends(numbers bigint[], refs text[], texts text[])
RETURNS void LANGUAGE sql AS $$
    UPDATE switch.rail_return AS r SET left_because = t.because
      FROM unnest(numbers, refs, texts) AS t (number, ref, because)
     WHERE r.number = t.number AND r.reference = t.ref AND t.because <> '';
    UPDATE switch.reconciliation_break AS b
       SET detail = CASE WHEN t.because = '' THEN b.detail ELSE b.detail || '; left to people: ' || t.because END,
           owner = CASE WHEN t.because = '' THEN 'the switch' END,
           resolution = CASE WHEN t.because = '' THEN 'booked as a return, by rule' END,
           resolved_at = CASE WHEN t.because = '' THEN clock_timestamp() END
      FROM unnest(numbers, refs, texts) AS t (number, ref, because) JOIN switch.payment AS p ON p.number = t.number
     WHERE (b.rail, b.ref, b.kind) = (p.rail, p.native_ref || '/' || t.ref, 'returned_by_rail')
       AND b.resolved_at IS NULL;
$$;
