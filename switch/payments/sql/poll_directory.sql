-- poll_directory: whether the directory may have changed since it was loaded, and what moves with payments.
--   $1 the snapshot in which it was loaded  $2 the next instant that changes it, in microseconds since 1970, or NULL
--   $3 the newest account then
-- A change counts once it is visible, and was not in that snapshot: one that was under way then is not missed.
SELECT EXISTS (SELECT FROM switch.directory_change AS c
                WHERE c.transaction >= pg_snapshot_xmin($1::text::pg_snapshot)
                  AND NOT pg_visible_in_snapshot(c.transaction, $1::text::pg_snapshot))
       OR (SELECT max(number) FROM ledger.account) > $3::bigint
       OR coalesce($2::bigint <= extract(epoch FROM clock_timestamp()) * 1000000, false) AS changed,
       ({inventories})::text AS inventories
