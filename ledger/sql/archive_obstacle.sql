-- archive_obstacle: why events up to one cannot be detached yet; null if they can.
--   $1 last event
SELECT CASE
         WHEN head.next_seq <= $1 THEN 'events are still being added to it'
         WHEN coalesce((SELECT max(size) FROM ledger.checkpoint), 0) < $1 THEN 'no checkpoint of it was published'
         WHEN EXISTS (
             SELECT FROM ledger.transfer AS t
              WHERE t.number <= $1 AND t.kind = 'two_phase'
                AND NOT EXISTS (SELECT FROM ledger.resolution AS r WHERE r.number = t.number)
         ) THEN 'a set in it is still pending'
       END
  FROM ledger.head;
