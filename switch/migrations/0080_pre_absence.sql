-- What the rail said when it was asked about a payment in doubt: switch/writer/absence.py says when "not found" is believed.
ALTER TABLE switch.open_payment
    ADD COLUMN absences   integer NOT NULL DEFAULT 0, -- "not found" in a row that count
    ADD COLUMN absent_at  timestamptz,                -- when the last of them was asked for
    ADD COLUMN unanswered integer NOT NULL DEFAULT 0; -- enquiries in a row that the rail did not answer

-- record_enquiries: what enquiries of one batch came to, behind record_payments, in the ledger's own transaction.
CREATE FUNCTION switch.record_enquiries(
    asked_number bigint[], asked_absences integer[], asked_absent bigint[], asked_unanswered integer[]
) RETURNS void LANGUAGE sql AS $$
    UPDATE switch.open_payment AS o
       SET absences = t.absences,
           absent_at = CASE WHEN t.absent > 0 THEN to_timestamp(t.absent / 1e6) END,
           unanswered = t.unanswered
      FROM unnest(asked_number, asked_absences, asked_absent, asked_unanswered)
        AS t (number, absences, absent, unanswered)
     WHERE o.number = t.number;
$$;
