-- ledger.apply in fewer statements: one takes the turn, and one update compares and sets the counters.
CREATE OR REPLACE FUNCTION ledger.apply(
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
