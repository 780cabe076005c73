-- is_lock_held: whether a session of this database holds an advisory lock.
--   $1 key of the lock
SELECT count(*) > 0 FROM pg_locks
WHERE locktype = 'advisory' AND granted AND (classid::bigint << 32 | objid::bigint) = $1
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
