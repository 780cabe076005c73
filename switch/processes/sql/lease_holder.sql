-- lease_holder: the address and the session of the writer that has the lease; no row if nobody has it.
--   $1 key of the lock
SELECT coalesce(host(a.client_addr), 'the machine of the database') AS host, l.pid
  FROM pg_locks AS l
  JOIN pg_stat_activity AS a USING (pid)
 WHERE l.locktype = 'advisory' AND l.granted AND (l.classid::bigint << 32 | l.objid::bigint) = $1
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database());
