-- growth_fill: payments that were reserved and posted, in every table of the ledger, as its writer leaves them.
--   $1 debit account  $2 credit account  $3 how many  $4 amount of each, minor units
-- Encodings and leaf hashes are those of `ledger.encoding`; `ledger.verify` finds nothing wrong.
WITH payment AS MATERIALIZED (
    SELECT head.next_seq + 2 * (n - 1) AS number, gen_random_uuid() AS id, head.at
      FROM ledger.head, generate_series(1, $3::bigint) AS n
), transfers AS (
    INSERT INTO ledger.transfer (number, id, kind, fingerprint)
    SELECT number, id, 'two_phase', decode(repeat('00', 32), 'hex') FROM payment
), legs AS (
    INSERT INTO ledger.leg (number, position, debit, credit, amount, purpose)
    SELECT number, 0, $1::bigint, $2::bigint, $4::bigint, 'principal' FROM payment
), resolutions AS (
    INSERT INTO ledger.resolution (number, seq, outcome)
    SELECT number, number + 1, 'posted' FROM payment
), events AS (
    SELECT number + phase AS seq, number, at,
           CASE phase WHEN 0 THEN 'reserved' ELSE 'posted' END AS kind,
           CASE phase WHEN 1 THEN 'P'::bytea
                ELSE 'R'::bytea || uuid_send(id) || int4send(32) || decode(repeat('00', 32), 'hex')
                     || int8send(0) || int8send(0) || int2send(1::smallint)
                     || int8send($1) || int8send($2) || int8send($4) || '\x01'::bytea END AS change
      FROM payment, generate_series(0, 1) AS phase
), logged AS (
    INSERT INTO ledger.event (seq, number, at, kind, change, body, leaf)
    SELECT seq, number, at, kind, change, '',
           sha256('\x00'::bytea || int8send(seq) || int8send(number)
                  || int8send((extract(epoch FROM at) * 1000000)::bigint)
                  || int2send(length(kind)::smallint) || convert_to(kind, 'UTF8')
                  || int4send(length(change)) || change || int4send(0))
      FROM events
), counted AS (
    UPDATE ledger.account
       SET debits_posted = debits_posted + CASE number WHEN $1 THEN $3 * $4 ELSE 0 END,
           credits_posted = credits_posted + CASE number WHEN $2 THEN $3 * $4 ELSE 0 END,
           entries = entries + $3
     WHERE number IN ($1, $2)
)
UPDATE ledger.head SET next_seq = next_seq + 2 * $3::bigint
