-- Watch rules: patterns that hold payments or raise alarms, what was counted for them, and the alarms.
CREATE TABLE switch.watch_rule (
    number      bigint PRIMARY KEY, -- of the event that tells of it
    kind        text NOT NULL CHECK (kind IN ('structuring', 'fan_in', 'first_large', 'out_of_hours')),
    participant text NOT NULL, -- whose accounts; *: every participant's
    source      text NOT NULL, -- countries of the corridor; empty: every country
    target      text NOT NULL,
    currency    char(3) NOT NULL,
    minor       bigint NOT NULL CHECK (minor >= 0),
    percent     integer NOT NULL CHECK (percent BETWEEN 0 AND 100),
    count       integer NOT NULL CHECK (count BETWEEN 0 AND 100),
    hour_from   integer NOT NULL CHECK (hour_from BETWEEN 0 AND 23),
    hour_until  integer NOT NULL CHECK (hour_until BETWEEN 0 AND 23),
    action      text NOT NULL CHECK (action IN ('alarm', 'hold', 'none')), -- none: it is ended
    since       bigint NOT NULL, -- microseconds since 1970
    until       bigint NOT NULL, -- 0: without an end
    change      bigint NOT NULL
);

-- What was counted under a rule for an account, on its last day since 1970. A key is a hash, and so are those who paid.
CREATE TABLE switch.watch_use (
    key   uuid PRIMARY KEY,
    day   integer NOT NULL,
    count integer NOT NULL,
    seen  bigint[] NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX watch_use_day ON switch.watch_use (day);

-- Payments that a rule with the action alarm matched; two people examine them.
CREATE TABLE switch.watch_alarm (
    payment     bigint NOT NULL,
    rule        bigint NOT NULL,
    uetr        uuid NOT NULL,
    kind        text NOT NULL,
    participant text NOT NULL, -- whose account it is about
    raised_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    examined    bigint, -- the change by which two people did
    outcome     text CHECK (outcome IN ('no_concern', 'reported')),
    PRIMARY KEY (payment, rule)
);
CREATE INDEX watch_alarm_open ON switch.watch_alarm (uetr) WHERE examined IS NULL;

-- record_watch_rules: rules that were set in one batch, in the ledger's own transaction.
CREATE FUNCTION switch.record_watch_rules(
    numbers bigint[], kinds text[], participants text[], sources text[], targets text[], currencies text[], minors bigint[],
    percents integer[], counts integer[], hour_froms integer[], hour_untils integer[], actions text[], sinces bigint[],
    untils bigint[], changes bigint[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.watch_rule (number, kind, participant, source, target, currency, minor, percent, count, hour_from,
                                   hour_until, action, since, until, change)
    SELECT * FROM unnest(numbers, kinds, participants, sources, targets, currencies, minors, percents, counts, hour_froms,
                         hour_untils, actions, sinces, untils, changes)
$$;

-- record_watch_uses: what was counted by the end of one batch; those who paid are numbers with spaces.
CREATE FUNCTION switch.record_watch_uses(keys uuid[], days integer[], counts integer[], payers text[])
RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.watch_use (key, day, count, seen)
    SELECT t.key, t.day, t.count, coalesce(string_to_array(nullif(t.seen, ''), ' '), '{}')::bigint[]
    FROM unnest(keys, days, counts, payers) AS t (key, day, count, seen)
    ON CONFLICT (key) DO UPDATE SET day = excluded.day, count = excluded.count, seen = excluded.seen;
$$;

-- record_watch_alarms: alarms of the payments of one batch.
CREATE FUNCTION switch.record_watch_alarms(
    payments bigint[], uetrs uuid[], rules bigint[], kinds text[], participants text[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.watch_alarm (payment, uetr, rule, kind, participant)
    SELECT * FROM unnest(payments, uetrs, rules, kinds, participants)
$$;

-- forget_watch_uses: delete what was counted more than 400 days ago, the oldest first; return how many. From then on an
-- account that sent a large payment before is new again.
CREATE FUNCTION switch.forget_watch_uses(before timestamptz, most integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH last AS (
        SELECT (extract(epoch FROM least(before, clock_timestamp())) / 86400)::bigint - 400 AS day
    ), old AS (
        SELECT u.key FROM switch.watch_use AS u, last WHERE u.day <= last.day ORDER BY u.day LIMIT most
    ), gone AS (
        DELETE FROM switch.watch_use AS u USING old, last WHERE u.key = old.key AND u.day <= last.day RETURNING 1
    )
    SELECT count(*) FROM gone
$$;

ALTER TABLE switch.case_file DROP CONSTRAINT case_file_kind_check;
ALTER TABLE switch.case_file ADD CONSTRAINT case_file_kind_check
    CHECK (kind IN ('unknown', 'break', 'contradiction', 'default', 'exception', 'screening', 'watch'));
