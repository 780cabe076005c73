-- history_fill: past payments as copies of real ones, with ids of their own, in every table that a payment is kept in.
--   $1 how many
-- `history_pattern` has the real payments: each has three events (RESERVE, SEND, CONFIRM) and is posted. A copy has its
-- own UETR in its events and rows, messages of 64 bytes with their hashes in its event, and leaf hashes of the
-- canonical encoding (`ledger.encoding`), so `payswitch verify` finds nothing wrong but the missing rails' books.
WITH copy AS MATERIALIZED (
    SELECT head.next_seq + 3 * (n - 1) AS number, gen_random_uuid() AS uetr, head.at, pattern.number AS original,
           pattern.uetr AS original_uetr
      FROM ledger.head, generate_series(1, $1::bigint) AS n
      JOIN ledger.history_pattern AS pattern ON pattern.place = n % (SELECT count(*) FROM ledger.history_pattern)
), messages AS MATERIALIZED (
    SELECT copy.number, m.direction, substr(m.body, 1, 64) AS body, encode(sha256(m.body), 'hex') AS was,
           encode(sha256(substr(m.body, 1, 64)), 'hex') AS is_now
      FROM copy JOIN switch.message AS m ON m.number = copy.original
), events AS (
    SELECT copy.number + p.step AS seq, copy.number, copy.at, p.kind,
           CASE p.step WHEN 0 THEN overlay(p.change PLACING uuid_send(copy.uetr) FROM 2 FOR 16) ELSE p.change END AS change,
           convert_to(
               replace(replace(replace(replace(p.body, came.was, came.is_now), sent.was, sent.is_now),
                               copy.original_uetr::text, copy.uetr::text),
                       replace(copy.original_uetr::text, '-', ''), replace(copy.uetr::text, '-', '')), 'UTF8') AS body
      FROM copy
      JOIN ledger.history_pattern_event AS p ON p.number = copy.original
      JOIN messages AS came ON came.number = copy.number AND came.direction = 0
      JOIN messages AS sent ON sent.number = copy.number AND sent.direction = 1
), logged AS (
    INSERT INTO ledger.event (seq, number, at, kind, change, body, leaf)
    SELECT seq, number, at, kind, change, body,
           sha256('\x00'::bytea || int8send(seq) || int8send(number)
                  || int8send((extract(epoch FROM at) * 1000000)::bigint)
                  || int2send(length(kind)::smallint) || convert_to(kind, 'UTF8')
                  || int4send(length(change)) || change || int4send(length(body)) || body)
      FROM events ORDER BY seq
), transfers AS (
    INSERT INTO ledger.transfer (number, expires_at, id, kind, fingerprint)
    SELECT copy.number, t.expires_at, copy.uetr, t.kind, t.fingerprint
      FROM copy JOIN ledger.transfer AS t ON t.number = copy.original
), legs AS (
    INSERT INTO ledger.leg (number, debit, credit, amount, position, purpose)
    SELECT copy.number, l.debit, l.credit, l.amount, l.position, l.purpose
      FROM copy JOIN ledger.leg AS l ON l.number = copy.original
), resolutions AS (
    INSERT INTO ledger.resolution (number, seq, outcome) SELECT number, number + 2, 'posted' FROM copy
), payments AS (
    INSERT INTO switch.payment (number, uetr, sender, message_name, message_id, debtor_agent, creditor_agent, rail,
                                fx_provider, rate, debit_currency, credit_currency, debit_minor, credit_minor,
                                fee_minor, native_ref)
    SELECT copy.number, copy.uetr, p.sender, p.message_name, replace(copy.uetr::text, '-', ''), p.debtor_agent,
           p.creditor_agent, p.rail, p.fx_provider, p.rate, p.debit_currency, p.credit_currency, p.debit_minor,
           p.credit_minor, p.fee_minor, 'past-' || copy.number
      FROM copy JOIN switch.payment AS p ON p.number = copy.original
), stored AS (
    INSERT INTO switch.message (number, direction, body) SELECT number, direction, body FROM messages
), keys AS (
    INSERT INTO switch.message_key (number, sealed)
    SELECT copy.number, k.sealed FROM copy JOIN switch.message_key AS k ON k.number = copy.original
), parties AS (
    INSERT INTO switch.payment_party (number, debtor, creditor, missing)
    SELECT copy.number, p.debtor, p.creditor, p.missing
      FROM copy JOIN switch.payment_party AS p ON p.number = copy.original
), claims AS (
    INSERT INTO switch.claim (key, number, until)
    SELECT gen_random_uuid(), copy.number, now() + interval '35 days' FROM copy, generate_series(1, 3)
), counted AS (
    UPDATE ledger.account AS a
       SET debits_posted = a.debits_posted + c.debits, credits_posted = a.credits_posted + c.credits,
           entries = a.entries + c.entries
      FROM (SELECT side.account, sum(side.debit) AS debits, sum(side.credit) AS credits, count(*) AS entries
              FROM copy JOIN ledger.leg AS l ON l.number = copy.original
             CROSS JOIN LATERAL (VALUES (l.debit, l.amount, 0), (l.credit, 0, l.amount)) AS side (account, debit, credit)
             GROUP BY side.account) AS c
     WHERE a.number = c.account
)
UPDATE ledger.head SET next_seq = next_seq + 3 * $1::bigint
