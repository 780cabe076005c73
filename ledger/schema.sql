-- The ledger: who owes whom, and the one append-only log of everything that happened.
--
-- Every number here is drawn from one gapless sequence (`head.next_seq`): an event's `seq`, and with it the
-- number of the set, account or window that the event created. So every index but one grows at its end;
-- the client's id (a random UUID) is in that one.
-- Tables of history are only ever inserted into; `account`, `head` and `settlement_window` move on.

CREATE SCHEMA ledger;

-- One row: its lock is the writer's turn, its epoch is the fence, its counter is the sequence.
CREATE TABLE ledger.head (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch    bigint NOT NULL DEFAULT 0,
    writer   uuid,                                         -- who took the epoch
    next_seq bigint NOT NULL DEFAULT 1,
    at       timestamptz NOT NULL DEFAULT '1970-01-01 00:00:00+00', -- of the last batch: the ledger's time never goes back
    log      uuid NOT NULL DEFAULT gen_random_uuid()       -- which log this is; every copy of the database keeps it
);
INSERT INTO ledger.head DEFAULT VALUES;

CREATE TABLE ledger.account (
    number          bigint PRIMARY KEY,
    owner           text NOT NULL CHECK (owner <> ''),
    currency        char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    purpose         text NOT NULL CHECK (purpose <> ''),
    closed          boolean NOT NULL DEFAULT false,
    net_debit_cap   bigint,                                -- null: no cap
    debits_pending  bigint NOT NULL DEFAULT 0,
    debits_posted   bigint NOT NULL DEFAULT 0,
    credits_pending bigint NOT NULL DEFAULT 0,
    credits_posted  bigint NOT NULL DEFAULT 0,
    entries         bigint NOT NULL DEFAULT 0,             -- posted legs that touch this account
    CONSTRAINT account_unique UNIQUE (owner, currency, purpose),
    -- Below 2^62 each, no sum of two can wrap.
    CONSTRAINT account_counters CHECK (
        debits_pending BETWEEN 0 AND 4611686018427387903 AND debits_posted BETWEEN 0 AND 4611686018427387903
        AND credits_pending BETWEEN 0 AND 4611686018427387903
        AND credits_posted BETWEEN 0 AND 4611686018427387903
    ),
    -- Pending credits never count.
    CONSTRAINT account_cap CHECK (
        net_debit_cap BETWEEN 0 AND 4611686018427387903
        AND debits_pending + debits_posted <= credits_posted + net_debit_cap
    ),
    CONSTRAINT account_closed CHECK (NOT closed OR (debits_pending = 0 AND credits_pending = 0))
) WITH (fillfactor = 50);                                  -- room for in-page updates: no index ever changes

-- A set of linked legs, or the memory of one that was refused.
CREATE TABLE ledger.transfer (
    number      bigint PRIMARY KEY,
    corrects    bigint,                                    -- number of the posted set that this one reverses
    expires_at  timestamptz,
    id          uuid NOT NULL CONSTRAINT transfer_id UNIQUE,
    kind        text NOT NULL CHECK (kind IN ('two_phase', 'single_phase', 'correction', 'failed')),
    refusal     text CHECK ((refusal IS NOT NULL) = (kind = 'failed')),
    fingerprint bytea NOT NULL,
    CHECK ((corrects IS NOT NULL) = (kind = 'correction'))
);
CREATE UNIQUE INDEX transfer_corrects ON ledger.transfer (corrects) WHERE corrects IS NOT NULL;
-- What is no two-phase payment is rare, and a window's settlement looks for it among a day's payments.
CREATE INDEX transfer_moved ON ledger.transfer (number) WHERE kind IN ('single_phase', 'correction');

CREATE TABLE ledger.leg (
    number   bigint NOT NULL,                              -- of its set
    debit    bigint NOT NULL,
    credit   bigint NOT NULL,
    amount   bigint NOT NULL CHECK (amount > 0),           -- minor units
    position smallint NOT NULL,
    purpose  text NOT NULL,
    PRIMARY KEY (number, position),
    CHECK (debit <> credit)
);

-- How a two-phase set ended: once, whole.
CREATE TABLE ledger.resolution (
    number  bigint PRIMARY KEY,                            -- of the set
    seq     bigint NOT NULL,                               -- of the event
    outcome text NOT NULL CHECK (outcome IN ('posted', 'voided'))
);

-- Postings of a currency belong to the window whose numbers enclose theirs: number < seq < closing_seq.
CREATE TABLE ledger.settlement_window (
    number      bigint PRIMARY KEY,                        -- seq of the event that opened it
    currency    char(3) NOT NULL,
    opened_at   timestamptz NOT NULL,
    closing_seq bigint,
    closed_at   timestamptz
);
CREATE UNIQUE INDEX settlement_window_open ON ledger.settlement_window (currency) WHERE closing_seq IS NULL;

-- Posted counters of every account of the currency when a window closed: nets are differences of these.
CREATE TABLE ledger.window_balance (
    settlement_window bigint NOT NULL,
    account           bigint NOT NULL,
    debits_posted     bigint NOT NULL,
    credits_posted    bigint NOT NULL,
    entries           bigint NOT NULL,
    PRIMARY KEY (settlement_window, account)
);

-- Payment journey, outbox and audit log in one. One writer commits in order: reading `seq > cursor` misses nothing.
-- Partitions are ranges of the sequence, which is time: see ledger.add_partitions at the end.
CREATE TABLE ledger.event (
    seq    bigint PRIMARY KEY,
    number bigint NOT NULL,                                -- what it is about: a set, account or window
    at     timestamptz NOT NULL,
    kind   text NOT NULL,
    change bytea NOT NULL,                                 -- the ledger's own words, canonical; empty if none
    body   bytea NOT NULL,                                 -- the switch's words
    leaf   bytea NOT NULL                                  -- RFC 9162 leaf hash of the canonical encoding
) PARTITION BY RANGE (seq);
CREATE INDEX event_number ON ledger.event (number, seq);

-- Apply one batch as a whole or not at all. Raises PSF01 if another writer has taken over, PSF02 if the
-- caller's memory and the tables differ.
-- Bytes of all events come as one blob, an event's change, body and leaf (32 bytes) in a row from its start;
-- so do the fingerprints. Times are microseconds since 1970.
CREATE FUNCTION ledger.apply(
    writer_epoch bigint, first_seq bigint, batch_at timestamptz,
    event_number bigint[], event_kind text[], event_start integer[], event_change integer[],
    event_body integer[], event_blob bytea,
    transfer_number bigint[], transfer_id uuid[], transfer_kind text[], transfer_refusal text[],
    transfer_expires bigint[], transfer_corrects bigint[], fingerprint_start integer[],
    fingerprint_length integer[], fingerprint_blob bytea,
    leg_number bigint[], leg_position smallint[], leg_debit bigint[], leg_credit bigint[],
    leg_amount bigint[], leg_purpose text[],
    resolution_number bigint[], resolution_seq bigint[], resolution_outcome text[],
    account_number bigint[], account_closed boolean[], account_cap bigint[],
    change_debits_pending bigint[], change_debits_posted bigint[],
    change_credits_pending bigint[], change_credits_posted bigint[], change_entries bigint[],
    expect_debits_pending bigint[], expect_debits_posted bigint[],
    expect_credits_pending bigint[], expect_credits_posted bigint[], expect_entries bigint[],
    opened_number bigint[], opened_owner text[], opened_currency text[], opened_purpose text[],
    closing_window bigint[], closing_at_seq bigint[],
    opening_window bigint[], opening_currency text[]
) RETURNS bigint LANGUAGE plpgsql AS $function$
DECLARE
    head ledger.head;
    agreeing bigint;
BEGIN
    -- One statement takes the writer's turn, if it is: the row's lock is held until the batch is durable.
    UPDATE ledger.head
       SET next_seq = first_seq + cardinality(event_number), at = batch_at
     WHERE epoch = writer_epoch AND next_seq = first_seq AND at <= batch_at;
    IF NOT FOUND THEN
        SELECT * INTO STRICT head FROM ledger.head FOR UPDATE;
        IF head.epoch <> writer_epoch THEN
            RAISE EXCEPTION 'epoch % was taken over by epoch %', writer_epoch, head.epoch USING ERRCODE = 'PSF01';
        END IF;
        RAISE EXCEPTION 'sequence is at %, not at %', head.next_seq, first_seq USING ERRCODE = 'PSF02';
    END IF;

    -- unnest in the target list, not in FROM: no row is stored on its way.
    INSERT INTO ledger.event (seq, number, at, kind, change, body, leaf)
    SELECT new.seq, new.number, batch_at, new.kind,
           substr(event_blob, new.start, new.change),
           substr(event_blob, new.start + new.change, new.body),
           substr(event_blob, new.start + new.change + new.body, 32)
      FROM (SELECT generate_series(first_seq, first_seq + cardinality(event_number) - 1) AS seq,
                   unnest(event_number) AS number, unnest(event_kind) AS kind, unnest(event_start) AS start,
                   unnest(event_change) AS change, unnest(event_body) AS body) AS new;

    -- Starting a statement costs more than a row: what has no rows is not started.
    IF cardinality(transfer_number) > 0 THEN
        INSERT INTO ledger.transfer (number, corrects, expires_at, id, kind, refusal, fingerprint)
        SELECT new.number, new.corrects, timestamptz 'epoch' + new.expires * interval '1 microsecond',
               new.id, new.kind, new.refusal,
               substr(fingerprint_blob, new.start, new.length)
          FROM (SELECT unnest(transfer_number) AS number, unnest(transfer_id) AS id, unnest(transfer_kind) AS kind,
                       unnest(transfer_refusal) AS refusal, unnest(transfer_expires) AS expires,
                       unnest(transfer_corrects) AS corrects, unnest(fingerprint_start) AS start,
                       unnest(fingerprint_length) AS length) AS new;

        INSERT INTO ledger.leg (number, position, debit, credit, amount, purpose)
        SELECT unnest(leg_number), unnest(leg_position), unnest(leg_debit), unnest(leg_credit),
               unnest(leg_amount), unnest(leg_purpose);
    END IF;
    IF cardinality(resolution_number) > 0 THEN
        INSERT INTO ledger.resolution (number, seq, outcome)
        SELECT unnest(resolution_number), unnest(resolution_seq), unnest(resolution_outcome);
    END IF;
    IF cardinality(opened_number) > 0 THEN
        INSERT INTO ledger.account (number, owner, currency, purpose)
        SELECT * FROM unnest(opened_number, opened_owner, opened_currency, opened_purpose);
    END IF;

    -- The statement that takes the headroom checks the cap (constraint account_cap), and that every counter was
    -- what the caller's memory says: a row that differs is not updated, and then nothing is.
    UPDATE ledger.account
       SET closed = new.closed,
           net_debit_cap = new.cap,
           debits_pending = new.dp_now,
           debits_posted = new.dd_now,
           credits_pending = new.cp_now,
           credits_posted = new.cc_now,
           entries = new.e_now
      FROM (SELECT unnest(account_number) AS number, unnest(account_closed) AS closed, unnest(account_cap) AS cap,
                   unnest(change_debits_pending) AS dp, unnest(change_debits_posted) AS dd,
                   unnest(change_credits_pending) AS cp, unnest(change_credits_posted) AS cc,
                   unnest(change_entries) AS e,
                   unnest(expect_debits_pending) AS dp_now, unnest(expect_debits_posted) AS dd_now,
                   unnest(expect_credits_pending) AS cp_now, unnest(expect_credits_posted) AS cc_now,
                   unnest(expect_entries) AS e_now) AS new
     WHERE account.number = new.number
       AND account.debits_pending + new.dp = new.dp_now AND account.debits_posted + new.dd = new.dd_now
       AND account.credits_pending + new.cp = new.cp_now AND account.credits_posted + new.cc = new.cc_now
       AND account.entries + new.e = new.e_now;
    GET DIAGNOSTICS agreeing = ROW_COUNT;
    IF agreeing <> cardinality(account_number) THEN
        RAISE EXCEPTION 'the balances of % accounts differ', cardinality(account_number) - agreeing
              USING ERRCODE = 'PSF02';
    END IF;

    IF cardinality(closing_window) > 0 THEN
        UPDATE ledger.settlement_window
           SET closing_seq = closing.seq, closed_at = batch_at
          FROM unnest(closing_window, closing_at_seq) AS closing (number, seq)
         WHERE settlement_window.number = closing.number;
        INSERT INTO ledger.window_balance (settlement_window, account, debits_posted, credits_posted, entries)
        SELECT w.number, account.number, account.debits_posted, account.credits_posted, account.entries
          FROM ledger.settlement_window AS w
          JOIN ledger.account USING (currency)
         WHERE w.number = ANY (closing_window);
    END IF;
    IF cardinality(opening_window) > 0 THEN
        INSERT INTO ledger.settlement_window (number, currency, opened_at)
        SELECT opening.number, opening.currency, batch_at
          FROM unnest(opening_window, opening_currency) AS opening (number, currency);
    END IF;
    RETURN first_seq + cardinality(event_number);
END
$function$;

-- The audit tree over `ledger.event`: leaf i (from 0) is the leaf of event i + 1.

-- Roots of complete subtrees of 2^level leaves, from level 8 up: a proof reads at most 256 leaves beside these.
-- Made from the leaves, beside the writer; whatever is missing is computed when it is asked for.
CREATE TABLE ledger.audit_node (
    level    smallint NOT NULL CHECK (level >= 8),
    position bigint NOT NULL,                              -- the subtree's leaves begin at position << level
    hash     bytea NOT NULL,
    PRIMARY KEY (level, position)
);

-- What was signed and published. Once given out it cannot be taken back, so nothing here ever changes.
CREATE TABLE ledger.checkpoint (
    size bigint PRIMARY KEY CHECK (size > 0),              -- events covered
    root bytea NOT NULL,
    at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    note text NOT NULL                                     -- C2SP tlog-checkpoint in a signed note
);

-- Partitions of an append-only table are made ahead of the sequence, `span` numbers each, until the last ends behind
-- `until`; how many were made. A partition is made beside the table and then attached: writers are not held up.
CREATE FUNCTION ledger.add_partitions(parent regclass, span bigint, until bigint) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
    edge bigint;
    made integer := 0;
    parent_schema text;
    parent_name text;
    partition text;
BEGIN
    IF span < 256 OR span % 256 <> 0 THEN
        RAISE EXCEPTION 'a partition holds whole subtrees of 256 events, not %', span;
    END IF;
    SELECT nspname, relname INTO STRICT parent_schema, parent_name
      FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
     WHERE pg_class.oid = parent AND relkind = 'p';
    EXECUTE format('LOCK TABLE %s IN SHARE UPDATE EXCLUSIVE MODE', parent);
    SELECT coalesce(max((regexp_match(pg_get_expr(relpartbound, oid), 'TO \(''(\d+)''\)'))[1]::bigint), 1) INTO edge
      FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = parent;
    WHILE edge < until LOOP
        partition := format('%I.%I', parent_schema, parent_name || '_' || edge);
        EXECUTE format('CREATE TABLE %s (LIKE %s INCLUDING CONSTRAINTS INCLUDING STORAGE)', partition, parent);
        EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%s) TO (%s)',
                       parent, partition, edge, edge + span);
        edge := edge + span;
        made := made + 1;
    END LOOP;
    RETURN made;
END
$function$;

-- History that was detached: what it added up to, by a note that the operator signed. Its events are in files; their
-- leaf hashes stay here, so that every proof can still be made.
CREATE TABLE ledger.archive (
    last_seq  bigint PRIMARY KEY,
    first_seq bigint NOT NULL CHECK (first_seq <= last_seq),
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_at   timestamptz NOT NULL,                        -- of the last event
    state     bytea NOT NULL,                              -- the ledger after the last event, JSON
    note      text NOT NULL                                -- signed: bounds, hashes of the files and of the state
);
CREATE TABLE ledger.archived_leaves (
    block  bigint PRIMARY KEY,                             -- leaves block * 256 and on
    leaves bytea NOT NULL CHECK (length(leaves) = 8192)
);
ALTER TABLE ledger.archived_leaves ALTER COLUMN leaves SET STORAGE EXTERNAL;

-- Each restore to an earlier instant begins a new epoch of the audit log: the tree goes on after `kept`, and what was
-- published of the log between `kept` and `first` is left out.
CREATE TABLE ledger.restore (
    number    smallint PRIMARY KEY,
    kept      bigint NOT NULL,                             -- the last event that the restored database had
    root      bytea NOT NULL,                              -- of the tree of the kept events
    first     bigint NOT NULL CHECK (first > kept),        -- the event that states the restore
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    published text NOT NULL                                -- the last checkpoint that is left out; empty: none is known
);

-- What witnesses outside said of a checkpoint: that it extends every one that they saw before.
CREATE TABLE ledger.cosignature (
    size bigint NOT NULL REFERENCES ledger.checkpoint,     -- the checkpoint
    key  text NOT NULL,                                    -- the witness's verifier key: name, key id, public key
    line text NOT NULL,                                    -- C2SP tlog-cosignature, as a line of a signed note
    at   timestamptz NOT NULL DEFAULT clock_timestamp(),   -- when it came
    PRIMARY KEY (size, key)
);
CREATE INDEX cosignature_key ON ledger.cosignature (key, size);

SELECT ledger.add_partitions('ledger.event', 16777216, (SELECT next_seq FROM ledger.head) + 3 * 16777216);
