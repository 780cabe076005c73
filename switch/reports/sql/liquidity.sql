-- liquidity: how much of each position was in use, at its worst, in a part of the log.
--   $1 after this event  $2 up to this event
--   $3 accounts  $4 what each had left after event $1, at least 1
-- Exposure is what a cap must cover: pending and posted debits less posted credits. It goes up when money is
-- held, down when a hold is voided or a credit posted. All legs of one event count at once, as in the ledger.
-- Tags of changes: R(eserved) P(osted) V(oided) M(oved) C(orrected); see ledger/encoding.py.
WITH chosen AS (
    SELECT * FROM unnest($3::bigint[], $4::bigint[]) AS t (account, available)
), touched AS (
    SELECT e.seq, chr(get_byte(e.change, 0)) AS tag, leg.debit, leg.credit, leg.amount
      FROM ledger.event AS e
      JOIN ledger.leg ON leg.number = e.number
     WHERE e.seq > $1 AND e.seq <= $2
       AND e.change <> ''
       AND get_byte(e.change, 0) IN (ascii('R'), ascii('P'), ascii('V'), ascii('M'), ascii('C'))
), moved AS (
    SELECT debit AS account, seq,
           CASE WHEN tag = 'P' THEN 0 WHEN tag = 'V' THEN -amount ELSE amount END AS exposure,
           CASE WHEN tag IN ('P', 'M', 'C') THEN amount ELSE 0 END AS debits,
           0::bigint AS credits
      FROM touched
     UNION ALL
    SELECT credit, seq, -amount, 0, amount FROM touched WHERE tag IN ('P', 'M', 'C')
), stepped AS (
    SELECT moved.account, moved.seq, sum(moved.exposure)::bigint AS exposure,
           sum(moved.debits)::bigint AS debits, sum(moved.credits)::bigint AS credits
      FROM moved
      JOIN chosen USING (account)
     GROUP BY moved.account, moved.seq
), running AS MATERIALIZED (
    SELECT account, seq, debits, credits,
           (sum(exposure) OVER (PARTITION BY account ORDER BY seq ROWS UNBOUNDED PRECEDING))::bigint AS used
      FROM stepped
), highest AS (
    SELECT account, max(used) AS used, sum(debits)::bigint AS debits, sum(credits)::bigint AS credits,
           max(seq) AS last_seq
      FROM running GROUP BY account
), reached AS (
    SELECT chosen.account, min(r.seq) FILTER (WHERE r.used = highest.used) AS peak_seq,
           min(r.seq) FILTER (WHERE r.used * 100::numeric >= chosen.available * 60::numeric) AS seq_60,
           min(r.seq) FILTER (WHERE r.used * 100::numeric >= chosen.available * 80::numeric) AS seq_80,
           min(r.seq) FILTER (WHERE r.used * 100::numeric >= chosen.available * 95::numeric) AS seq_95,
           max(r.used) FILTER (WHERE r.seq = highest.last_seq) AS closing
      FROM running AS r
      JOIN highest USING (account)
      JOIN chosen USING (account)
     WHERE r.used = highest.used OR r.seq = highest.last_seq OR r.used * 100::numeric >= chosen.available * 60::numeric
     GROUP BY chosen.account
)
SELECT chosen.account,
       greatest(0, coalesce(highest.used, 0)) AS peak, -- the beginning counts too: nothing more was used then
       CASE WHEN highest.used > 0 THEN reached.peak_seq END AS peak_seq,
       coalesce(highest.debits, 0) AS debits, coalesce(highest.credits, 0) AS credits,
       coalesce(reached.closing, 0) AS closing,
       (SELECT at FROM ledger.event WHERE seq = CASE WHEN highest.used > 0 THEN reached.peak_seq END) AS peak_at,
       (SELECT at FROM ledger.event WHERE seq = reached.seq_60) AS at_60,
       (SELECT at FROM ledger.event WHERE seq = reached.seq_80) AS at_80,
       (SELECT at FROM ledger.event WHERE seq = reached.seq_95) AS at_95
  FROM chosen
  LEFT JOIN highest USING (account)
  LEFT JOIN reached USING (account)
 ORDER BY chosen.account;
