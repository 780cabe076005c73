-- After a restore to an earlier instant the switch is closed until two people open it: docs/operate/restore.md.

-- A row while it is closed.
CREATE TABLE switch.closed (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    kept     bigint NOT NULL,        -- the last event that the restored database had
    until    bigint NOT NULL,        -- the last event that may have been told to anybody
    begun    boolean NOT NULL DEFAULT false, -- whether the new epoch of the log has begun
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    known_by text NOT NULL           -- how the restore became known
);

-- Rails that may have executed orders which the restore lost. Nothing is sent to one before its files were read.
CREATE TABLE switch.restore_rail (
    rail     char(2) NOT NULL,
    since    date NOT NULL,          -- first and last cycle, of the rail's clock, whose file can have such orders
    until    date NOT NULL,
    currency char(3) NOT NULL,
    read_at  timestamptz,            -- since when all of its files are read
    by       text NOT NULL DEFAULT '', -- people who confirmed that a file which is not final is complete
    PRIMARY KEY (rail, since)
);

-- Orders that a rail executed or refused, and that the switch no longer knows. Such a UETR is never sent again.
CREATE TABLE switch.restore_line (
    rail  char(2) NOT NULL,
    ref   text NOT NULL,
    uetr  uuid NOT NULL,
    cycle date NOT NULL,
    done  boolean NOT NULL,
    code  text NOT NULL,
    minor bigint,
    PRIMARY KEY (rail, ref)
);
CREATE INDEX restore_line_uetr ON switch.restore_line (uetr);

-- record_closing: the switch is closed; written with the first events that stand for lost ones.
CREATE FUNCTION switch.record_closing(kept bigint, until bigint, known_by text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.closed (kept, until, known_by) VALUES (kept, until, known_by)
    ON CONFLICT (one) DO UPDATE
       SET kept = CASE WHEN closed.begun THEN excluded.kept ELSE closed.kept END, -- begun: it was restored once more
           until = greatest(closed.until, excluded.until), begun = false, at = clock_timestamp(),
           known_by = excluded.known_by;
$$;

-- jump_numbers: numbers of changes, messages, breaks and keys go on beyond those that the restore may have lost.
CREATE FUNCTION switch.jump_numbers(count bigint) RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name regclass;
BEGIN
    FOR name IN SELECT c.oid FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
                 WHERE n.nspname = 'switch' AND c.relkind = 'S' LOOP
        PERFORM setval(name, nextval(name) + count);
    END LOOP;
END
$$;

-- record_restore: the new epoch of the log, written with its event. Of the numbers that a rail's orders have left in this
-- period, the first half may have been used, so the second half is used from now on.
CREATE FUNCTION switch.record_restore(
    kept bigint, root bytea, first bigint, published text,
    rails text[], currencies text[], since text[], until text[], periods text[], capacities bigint[]
) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO ledger.restore (number, kept, root, first, published)
    SELECT count(*) + 1, record_restore.kept, record_restore.root, record_restore.first, record_restore.published
      FROM ledger.restore;
    UPDATE switch.closed SET begun = true;
    INSERT INTO switch.restore_rail (rail, currency, since, until)
    SELECT unnest(rails), unnest(currencies), unnest(record_restore.since)::date, unnest(record_restore.until)::date
    ON CONFLICT (rail, since) DO UPDATE SET until = excluded.until, read_at = NULL;
    INSERT INTO switch.rail_serial AS s (rail, period, next)
    SELECT t.rail, t.period, t.capacity / 2 FROM unnest(rails, periods, capacities) AS t (rail, period, capacity)
    ON CONFLICT (rail, period) DO UPDATE
       SET next = s.next + greatest(0, (SELECT t.capacity - s.next
                                          FROM unnest(rails, periods, capacities) AS t (rail, period, capacity)
                                         WHERE t.rail = s.rail)) / 2;
    PERFORM switch.jump_numbers(record_restore.first - record_restore.kept + 10000);
END
$$;

-- record_opening: two people opened the switch; rails whose files they confirmed are opened with it.
CREATE FUNCTION switch.record_opening(complete text[], by_whom text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM switch.closed;
    UPDATE switch.restore_rail SET read_at = clock_timestamp(), by = by_whom
     WHERE read_at IS NULL AND rail = ANY (complete);
END
$$;

-- What an agent settled of payments in the time that a restore lost. It is subtracted from the next window's lines.
CREATE TABLE switch.settled_before (
    change            bigint PRIMARY KEY, -- in which two people stated it
    participant       text NOT NULL REFERENCES switch.participant,
    currency          char(3) NOT NULL,
    minor             bigint NOT NULL,   -- positive: the participant paid
    settlement_window bigint             -- whose lines it was subtracted from
);
