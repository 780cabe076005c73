-- bundle_checkpoints: checkpoints for a bundle, oldest first: the newest, and the last of each month before.
--   $1 how many of the newest
SELECT size, root, at, note,
       ARRAY(SELECT line FROM ledger.cosignature AS c WHERE c.size = published.size ORDER BY c.key) AS lines
  FROM (SELECT size, root, at, note,
               row_number() OVER (ORDER BY size DESC) AS age,
               row_number() OVER (PARTITION BY date_trunc('month', at AT TIME ZONE 'UTC') ORDER BY size DESC) AS of_month
          FROM ledger.checkpoint) AS published
 WHERE age <= $1 OR of_month = 1
 ORDER BY size;
