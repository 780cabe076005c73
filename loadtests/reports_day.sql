-- A day of payments in the shape and size that the switch writes. Settings: bench.payments, bench.seq (the first
-- sequence number), bench.day. A payment is three events in a row; every 50th is voided; who pays whom goes round.
CREATE TEMPORARY TABLE made AS
WITH asked AS (
    SELECT current_setting('bench.payments')::bigint AS payments, current_setting('bench.seq')::bigint AS seq,
           current_setting('bench.day')::timestamptz AS day, (SELECT count(*) FROM bank) AS banks
)
SELECT i, asked.seq + 3 * i AS seq, asked.day + i * (interval '86000 seconds' / asked.payments) AS at,
       i % 50 = 49 AS voided,
       b1.id AS debtor, b2.id AS creditor, b2.country AS rail,
       b1.currency AS debit_currency, b2.currency AS credit_currency,
       b1.account AS payer, b2.account AS payee, b1.fx AS buys, b2.fx AS sells, b1.fees AS fees,
       1000 + (i * 7919) % 900000 AS amount, 500 + (1000 + (i * 7919) % 900000) / 1000 AS fee
  FROM asked
 CROSS JOIN generate_series(0, asked.payments - 1) AS i
  JOIN bank AS b1 ON b1.place = (i * 31) % asked.banks
  JOIN bank AS b2 ON b2.place = (b1.place / 2 * 2 + 2 + (i * 7) % (asked.banks - 2)) % asked.banks;

INSERT INTO ledger.event (seq, number, at, kind, change, body, leaf)
SELECT seq + step, seq,
       at + step * interval '1 millisecond' * CASE step WHEN 2 THEN 50 + (i % 100) * 50 ELSE 1 END,
       CASE step WHEN 0 THEN 'RESERVE' WHEN 1 THEN 'SEND' ELSE CASE WHEN voided THEN 'REJECT' ELSE 'CONFIRM' END END,
       CASE step WHEN 0 THEN 'R'::bytea || decode(repeat('5a', 139), 'hex') WHEN 1 THEN ''::bytea
                 ELSE CASE WHEN voided THEN 'V'::bytea ELSE 'P'::bytea END END,
       convert_to(CASE step
           WHEN 0 THEN '{"state":"RESERVED","uetr":"' || repeat('a', 32) || '","x":"' || repeat('b', 420) || '"}'
           WHEN 1 THEN '{"state":"SENT","uetr":"' || repeat('a', 32) || '"}'
           ELSE '{"state":"' || CASE WHEN voided THEN 'ABORTED","reason":"AC04' ELSE 'COMMITTED' END
                || '","uetr":"' || repeat('a', 32) || '","x":"' || repeat('b', 120) || '"}' END, 'UTF8'),
       sha256(int8send(seq + step))
  FROM made CROSS JOIN generate_series(0, 2) AS step
 ORDER BY seq, step;

INSERT INTO ledger.transfer (number, id, kind, fingerprint)
SELECT seq, md5(i::text)::uuid, 'two_phase', decode(repeat('00', 32), 'hex') FROM made ORDER BY seq;

INSERT INTO ledger.leg (number, position, debit, credit, amount, purpose)
SELECT seq, l.position, l.debit, l.credit, l.amount, l.purpose
  FROM made
 CROSS JOIN LATERAL (VALUES
       (0::smallint, payer, buys, amount, 'conversion'),
       (1::smallint, sells, payee, amount * 2, 'conversion'),
       (2::smallint, payer, fees, fee, 'fee')) AS l (position, debit, credit, amount, purpose)
 ORDER BY seq;

INSERT INTO ledger.resolution (number, seq, outcome)
SELECT seq, seq + 2, CASE WHEN voided THEN 'voided' ELSE 'posted' END FROM made ORDER BY seq;

INSERT INTO switch.payment (number, uetr, sender, message_name, message_id, debtor_agent, creditor_agent, rail,
                            fx_provider, rate, debit_currency, credit_currency, debit_minor, credit_minor, fee_minor,
                            native_ref)
SELECT seq, md5(i::text)::uuid, debtor, 'pacs.008.001.08', 'M' || i, debtor, creditor, rail,
       'fx', '2', debit_currency, credit_currency, amount, amount * 2, fee, 'REF' || i
  FROM made ORDER BY seq;

INSERT INTO switch.payment_party (number, debtor, creditor, missing)
SELECT seq, substring(sha256(int8send(i % 200000)) FOR 16), substring(sha256(int8send(-(i % 300000))) FOR 16),
       CASE WHEN i % 1000 = 0 THEN ARRAY['debtor address or identification'] ELSE '{}' END
  FROM made ORDER BY seq;

UPDATE ledger.account AS a
   SET debits_posted = a.debits_posted + m.debits, credits_posted = a.credits_posted + m.credits,
       entries = a.entries + m.entries
  FROM (SELECT account, sum(debits) AS debits, sum(credits) AS credits, count(*) AS entries
          FROM (SELECT l.debit AS account, l.amount AS debits, 0 AS credits
                  FROM ledger.leg AS l JOIN ledger.resolution AS r USING (number) WHERE r.outcome = 'posted'
                 UNION ALL
                SELECT l.credit, 0, l.amount
                  FROM ledger.leg AS l JOIN ledger.resolution AS r USING (number) WHERE r.outcome = 'posted') AS t
         GROUP BY account) AS m
 WHERE a.number = m.account;
