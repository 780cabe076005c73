-- Reversals: orders of people to a rail to take a credit back. NULL in due_at: it has ended, or people decide.
CREATE TABLE switch.reversal (
    id         uuid PRIMARY KEY, -- of the return that follows from it
    number     bigint NOT NULL, -- of the payment
    change     bigint NOT NULL,
    reason     text NOT NULL,
    state      text NOT NULL CHECK (state IN (
        'ordered', -- by two people; nothing was sent
        'sent', -- or about to be
        'unknown', -- sent, without a clear answer
        'done', -- the rail took the credit back
        'refused'
    )),
    attempts   integer NOT NULL,
    due_at     timestamptz,
    detail     text NOT NULL,
    ordered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX reversal_number ON switch.reversal (number, change);
CREATE INDEX reversal_open ON switch.reversal (due_at) WHERE state IN ('ordered', 'sent', 'unknown');

-- record_reversals: reversals that one batch orders or moves, in the ledger's own transaction.
CREATE FUNCTION switch.record_reversals(
    ids uuid[], numbers bigint[], changes bigint[], reasons text[], states text[], tried integer[], dues bigint[], details text[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.reversal AS r (id, number, change, reason, state, attempts, due_at, detail)
    SELECT t.id, t.number, t.change, t.reason, t.state, t.attempts, CASE WHEN t.due > 0 THEN to_timestamp(t.due / 1e6) END,
           t.detail
      FROM unnest(ids, numbers, changes, reasons, states, tried, dues, details)
        AS t (id, number, change, reason, state, attempts, due, detail)
    ON CONFLICT (id) DO UPDATE SET
        state = excluded.state, attempts = excluded.attempts, due_at = excluded.due_at, detail = excluded.detail,
        changed_at = clock_timestamp();
$$;
