-- unwitnessed_age: seconds since the oldest checkpoint that fewer witnesses than the quorum cover; 0 if there is none, or no
-- witness is registered.
--   $1 quorum
SELECT coalesce(extract(epoch FROM clock_timestamp() - (
         SELECT min(at) FROM ledger.checkpoint
          WHERE size > coalesce((SELECT c.size
                                   FROM switch.witness AS w
                                   JOIN LATERAL (SELECT size FROM ledger.cosignature
                                                  WHERE key = w.key ORDER BY size DESC LIMIT 1) AS c ON true
                                  WHERE w.removed_at IS NULL
                                  ORDER BY c.size DESC OFFSET $1::bigint - 1 LIMIT 1), 0)
            AND at > (SELECT min(added_at) FROM switch.witness WHERE removed_at IS NULL)
       )), 0)::float8;
