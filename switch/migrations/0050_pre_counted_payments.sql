-- What an open payment has taken of its payer's day: given back when it is voided on that day.
CREATE TABLE switch.counted_payment (
    number      bigint PRIMARY KEY,
    participant text NOT NULL,
    currency    char(3) NOT NULL,
    day         date NOT NULL,
    minor       bigint NOT NULL CHECK (minor >= 0)
) WITH (fillfactor = 50);

-- record_counted: payments that one batch counted, and those that it ended; days count from 1970.
CREATE FUNCTION switch.record_counted(
    numbers bigint[], participants text[], currencies text[], days integer[], minors bigint[], ended bigint[]
) RETURNS void LANGUAGE sql AS $$
    DELETE FROM switch.counted_payment AS c USING unnest(ended) AS t (number) WHERE c.number = t.number;
    INSERT INTO switch.counted_payment (number, participant, currency, day, minor)
    SELECT t.number, t.participant, t.currency, date 'epoch' + t.day, t.minor
    FROM unnest(numbers, participants, currencies, days, minors) AS t (number, participant, currency, day, minor);
$$;
