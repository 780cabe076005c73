-- standbys: whether commits wait for a standby, and how many synchronous ones are connected.
-- Without the role pg_monitor, the states of other sessions are null.
SELECT current_setting('synchronous_standby_names') <> '' AS required,
       current_setting('synchronous_commit') AS commit,
       count(*) FILTER (WHERE sync_state IN ('sync', 'quorum') AND state = 'streaming') AS synchronous,
       count(*) FILTER (WHERE sync_state IS NULL) AS hidden
  FROM pg_stat_replication;
