-- Sanctions lists with their provenance, the sets of lists in force, and payments that screening holds.
CREATE TABLE switch.screening_list (
    number    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    publisher text NOT NULL, -- UN, OFAC, EU or own
    published date, -- the publisher's date, if the file has one
    source    text NOT NULL CHECK (length(source) BETWEEN 1 AND 300), -- where the file is from, in the words of who added it
    sha256    bytea NOT NULL UNIQUE, -- of the file
    octets    bigint NOT NULL, -- of the file
    entries   integer NOT NULL,
    names     integer NOT NULL,
    file      bytea NOT NULL, -- as published, in zlib format
    parties   bytea NOT NULL, -- its entries as every process reads them, in zlib format
    added_by  text NOT NULL,
    added_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The lists that payments are compared with from an instant on. Without a row, and with no lists, nothing is compared.
CREATE TABLE switch.screening_set (
    number        bigint PRIMARY KEY, -- of the change that set it
    lists         bigint[] NOT NULL,
    threshold     smallint NOT NULL CHECK (threshold BETWEEN 50 AND 100), -- the least score of a hit, in percent
    in_force_from timestamptz NOT NULL
);

-- A payment that waits for people because a party may be on a list. It has moved nothing, and has no number in the books.
CREATE TABLE switch.screening_hold (
    number         bigint PRIMARY KEY, -- of the event that tells of it
    uetr           uuid NOT NULL UNIQUE,
    fingerprint    bytea NOT NULL,
    sender         text NOT NULL,
    message_name   text NOT NULL,
    message_id     text NOT NULL,
    end_to_end     bigint NOT NULL,
    creditor_agent text NOT NULL,
    debit_minor    bigint NOT NULL,
    debit_currency text NOT NULL,
    received_at    timestamptz NOT NULL,
    held_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at     timestamptz NOT NULL,
    raw            bytea, -- the sealed message, until the payment has a number in the books
    key            bytea, -- the sealed key of the message and of the hits, until then
    keyid          text, -- what the sender signed, until then
    signature      bytea,
    base           bytea,
    screening      integer NOT NULL, -- how many times a comparison held it: a decision is about one of them
    lists          bigint NOT NULL, -- the set of that comparison
    hits           bytea NOT NULL, -- sealed: parties, entries and scores
    hit_count      integer NOT NULL,
    decision       text CHECK (decision IN ('release', 'refuse')),
    change         bigint, -- by which people decided
    decided_at     timestamptz,
    outcome        text CHECK (outcome IN ('accepted', 'not accepted', 'refused', 'undecided')), -- undecided: it expired, or its sender cancelled it
    ended_at       timestamptz
) WITH (fillfactor = 70);
CREATE INDEX screening_hold_open ON switch.screening_hold (expires_at) WHERE ended_at IS NULL;

-- record_screening: payments that one batch holds, the present state of held ones that were decided or held again, and
-- those that ended: their messages are with the payment then. Times are microseconds since 1970.
CREATE FUNCTION switch.record_screening(
    numbers bigint[], uetrs uuid[], fingerprints bytea[], senders text[], message_names text[], message_ids text[],
    end_to_ends bigint[], creditor_agents text[], debit_minors bigint[], debit_currencies text[], receiveds bigint[],
    helds bigint[], expires bigint[], raws bytea[], keys bytea[], keyids text[], signatures bytea[], bases bytea[],
    lists bigint[], hits bytea[], hit_counts integer[],
    moved_numbers bigint[], moved_screenings integer[], moved_lists bigint[], moved_hits bytea[], moved_hit_counts integer[],
    moved_decisions text[], moved_changes bigint[],
    ended_numbers bigint[], ended_outcomes text[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.screening_hold
           (number, uetr, fingerprint, sender, message_name, message_id, end_to_end, creditor_agent, debit_minor,
            debit_currency, received_at, held_at, expires_at, raw, key, keyid, signature, base, screening, lists, hits,
            hit_count)
    SELECT t.number, t.uetr, t.fingerprint, t.sender, t.message_name, t.message_id, t.end_to_end, t.creditor_agent,
           t.debit_minor, t.debit_currency, 'epoch'::timestamptz + t.received * interval '1 microsecond',
           'epoch'::timestamptz + t.held * interval '1 microsecond',
           'epoch'::timestamptz + t.expires * interval '1 microsecond', t.raw, t.key, t.keyid, t.signature, t.base, 1,
           t.lists, t.hits, t.hit_count
    FROM unnest(numbers, uetrs, fingerprints, senders, message_names, message_ids, end_to_ends, creditor_agents,
                debit_minors, debit_currencies, receiveds, helds, expires, raws, keys, keyids, signatures, bases, lists,
                hits, hit_counts)
         AS t (number, uetr, fingerprint, sender, message_name, message_id, end_to_end, creditor_agent, debit_minor,
               debit_currency, received, held, expires, raw, key, keyid, signature, base, lists, hits, hit_count);
    UPDATE switch.screening_hold AS h
       SET screening = t.screening, lists = coalesce(t.lists, h.lists), hits = coalesce(t.hits, h.hits),
           hit_count = coalesce(t.hit_count, h.hit_count), decision = t.decision, change = t.change,
           decided_at = CASE WHEN t.decision IS NOT NULL THEN clock_timestamp() END
    FROM unnest(moved_numbers, moved_screenings, moved_lists, moved_hits, moved_hit_counts, moved_decisions, moved_changes)
         AS t (number, screening, lists, hits, hit_count, decision, change)
    WHERE h.number = t.number;
    UPDATE switch.screening_hold AS h
       SET outcome = t.outcome, ended_at = clock_timestamp(), raw = NULL, key = NULL, keyid = NULL, signature = NULL,
           base = NULL
    FROM unnest(ended_numbers, ended_outcomes) AS t (number, outcome) WHERE h.number = t.number;
$$;
