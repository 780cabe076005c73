-- witnesses: present witnesses, or with $1 former ones too, by name, with the largest checkpoint that each cosigned.
--   $1 former ones too
SELECT w.key, w.name, w.url, w.added_at, w.removed_at, w.attempts, w.result, w.refuses_at,
       coalesce(c.size, 0) AS size, c.at AS cosigned_at
  FROM switch.witness AS w
  LEFT JOIN LATERAL (SELECT size, at FROM ledger.cosignature WHERE key = w.key ORDER BY size DESC LIMIT 1) AS c ON true
 WHERE w.removed_at IS NULL OR $1
 ORDER BY w.name, w.added_at;
