-- load_transfers: the fence, the database's clock, whether a commit waits for a standby, and what is known of
-- these ids, in one round trip.
--   $1 ids, as the text of an array
-- LATERAL with LIMIT 1 pins the plan to one index probe an id, however small the table was when planned.
SELECT head.epoch,
       head.next_seq,
       clock_timestamp() AS now,
       current_setting('synchronous_standby_names') <> '' AS replicated,
       ARRAY(
           SELECT ROW(t.number, t.id, t.kind, t.fingerprint, t.corrects, r.outcome,
                      (SELECT c.number FROM ledger.transfer AS c WHERE c.corrects = t.number),
                      ARRAY(SELECT ROW(l.debit, l.credit, l.amount, l.purpose)
                              FROM ledger.leg AS l
                             WHERE l.number = t.number
                             ORDER BY l.position))
             FROM unnest($1::text::uuid[]) AS wanted (id)
            CROSS JOIN LATERAL (SELECT * FROM ledger.transfer WHERE transfer.id = wanted.id LIMIT 1) AS t
             LEFT JOIN LATERAL (SELECT outcome FROM ledger.resolution WHERE number = t.number LIMIT 1) AS r
                    ON true
       ) AS transfers
  FROM ledger.head;
