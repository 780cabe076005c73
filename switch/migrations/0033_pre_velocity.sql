-- Velocity limits: numbers of payments and sums within an hour and a day (UTC); null is none. The participant `*` is every
-- participant that has no limit of its own.
CREATE TABLE switch.velocity_limit (
    scope       text NOT NULL CHECK (scope IN ('participant', 'debtor_account', 'creditor_account')),
    participant text NOT NULL,
    currency    char(3) NOT NULL,
    hour_count  bigint CHECK (hour_count >= 0),
    hour_minor  bigint CHECK (hour_minor >= 0),
    day_count   bigint CHECK (day_count >= 0),
    day_minor   bigint CHECK (day_minor >= 0),
    change      bigint NOT NULL,
    PRIMARY KEY (scope, participant, currency)
);

-- What was counted of a participant or an account in its last hour and day; both count from 1970. A key is a hash.
CREATE TABLE switch.velocity_use (
    key        uuid PRIMARY KEY,
    hour       integer NOT NULL,
    hour_count bigint NOT NULL,
    hour_minor bigint NOT NULL,
    day        integer NOT NULL,
    day_count  bigint NOT NULL,
    day_minor  bigint NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX velocity_use_day ON switch.velocity_use (day);

-- record_velocity_limits: limits that were set in one batch, in the ledger's own transaction; -1 is none.
CREATE FUNCTION switch.record_velocity_limits(
    scopes text[], participants text[], currencies text[], hour_counts bigint[], hour_minors bigint[], day_counts bigint[],
    day_minors bigint[], changes bigint[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.velocity_limit
        (scope, participant, currency, hour_count, hour_minor, day_count, day_minor, change)
    SELECT t.scope, t.participant, t.currency, nullif(t.hour_count, -1), nullif(t.hour_minor, -1),
           nullif(t.day_count, -1), nullif(t.day_minor, -1), t.change
    FROM unnest(scopes, participants, currencies, hour_counts, hour_minors, day_counts, day_minors, changes)
      AS t (scope, participant, currency, hour_count, hour_minor, day_count, day_minor, change)
    ON CONFLICT (scope, participant, currency) DO UPDATE
    SET hour_count = excluded.hour_count, hour_minor = excluded.hour_minor, day_count = excluded.day_count,
        day_minor = excluded.day_minor, change = excluded.change;
$$;

-- record_velocity_uses: what was counted by the end of one batch.
CREATE FUNCTION switch.record_velocity_uses(
    keys uuid[], hours integer[], hour_counts bigint[], hour_minors bigint[], days integer[], day_counts bigint[],
    day_minors bigint[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO switch.velocity_use (key, hour, hour_count, hour_minor, day, day_count, day_minor)
    SELECT t.key, t.hour, t.hour_count, t.hour_minor, t.day, t.day_count, t.day_minor
    FROM unnest(keys, hours, hour_counts, hour_minors, days, day_counts, day_minors)
      AS t (key, hour, hour_count, hour_minor, day, day_count, day_minor)
    ON CONFLICT (key) DO UPDATE
    SET hour = excluded.hour, hour_count = excluded.hour_count, hour_minor = excluded.hour_minor,
        day = excluded.day, day_count = excluded.day_count, day_minor = excluded.day_minor;
$$;

-- forget_velocity: delete uses of days that are over, the oldest first; return how many. The day before stays, because the
-- clock of whoever deletes may be ahead.
CREATE FUNCTION switch.forget_velocity(before timestamptz, most integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH last AS (
        SELECT (extract(epoch FROM least(before, clock_timestamp())) / 86400)::bigint - 2 AS day
    ), old AS (
        SELECT u.key FROM switch.velocity_use AS u, last WHERE u.day <= last.day ORDER BY u.day LIMIT most
    ), gone AS (
        DELETE FROM switch.velocity_use AS u USING old, last WHERE u.key = old.key AND u.day <= last.day RETURNING 1
    )
    SELECT count(*) FROM gone
$$;
