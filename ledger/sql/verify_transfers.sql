-- verify_transfers: the sets of a range of numbers with their legs, as the tables have them.
--   $1 first number  $2 last number
SELECT t.number, t.id, t.kind, t.refusal, t.fingerprint,
       coalesce((extract(epoch FROM t.expires_at) * 1000000)::bigint, 0) AS expires,
       coalesce(t.corrects, 0) AS corrects,
       ARRAY(SELECT ROW(l.debit, l.credit, l.amount, l.purpose)
               FROM ledger.leg AS l
              WHERE l.number = t.number
              ORDER BY l.position) AS legs
  FROM ledger.transfer AS t
 WHERE t.number BETWEEN $1 AND $2;
