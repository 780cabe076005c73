-- People have a database login of their own (`payswitch_pages`), and the caretaker executes what they approved.

-- What the last voter saw: the execution compares it again. `tried_at` is now set when an attempt begins.
ALTER TABLE switch.change ADD COLUMN seen text;

-- What was done with a confirmation, for the agent that waits for it: the caretaker processes all of them.
ALTER TABLE switch.settlement_confirmation ADD COLUMN result jsonb,
    DROP CONSTRAINT settlement_confirmation_pkey,
    ADD CONSTRAINT settlement_confirmation_pkey PRIMARY KEY (sha256, agent);

-- When the writer refused a note, which stays out of the log meanwhile.
ALTER TABLE switch.audit_note ADD COLUMN refused_at timestamptz;

-- Which role may write notes of which kinds; `grants.sql` states it. A role that it does not name may write all of them.
CREATE TABLE switch.note_right (
    role text,
    kind text,
    PRIMARY KEY (role, kind)
);

-- check_note_right: refuse a note of a kind that the role of this session may not write.
CREATE FUNCTION switch.check_note_right() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM switch.note_right) -- there are none before the first `grants.sql` that states them
       AND NOT EXISTS (SELECT FROM switch.note_right AS r
                        WHERE r.kind = new.kind
                          AND (r.role = current_user
                               OR current_user NOT IN (SELECT known.role FROM switch.note_right AS known)))
    THEN
        RAISE insufficient_privilege USING MESSAGE = format('%s may not write a note of kind %L', current_user, new.kind);
    END IF;
    RETURN new;
END
$$;
CREATE TRIGGER audit_note_right BEFORE INSERT ON switch.audit_note
   FOR EACH ROW EXECUTE FUNCTION switch.check_note_right();

-- end_own_key: revoke a key of a participant now; no row if it has no such key, else whether it was in force. All that an
-- API worker may do to a key: a participant revokes its own at once, and nobody has to approve.
CREATE FUNCTION switch.end_own_key(wanted text, owner text) RETURNS SETOF boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH found AS (
        SELECT keyid, revoked_at IS NULL AS valid FROM switch.participant_key
         WHERE keyid = wanted AND participant = owner FOR UPDATE
    ), ended AS (
        UPDATE switch.participant_key AS k
           SET revoked_at = clock_timestamp(), valid_until = greatest(k.valid_from, clock_timestamp())
          FROM found WHERE k.keyid = found.keyid AND found.valid
    )
    SELECT valid FROM found
$$;
