-- end_blockers: find the sessions of the switch that block a session, and ask them to end. Sessions of people are
-- left alone, and so is a commit that waits for its synchronous standby: a request to end would end the wait and
-- keep the commit. With such standbys nobody is asked, as a commit may just be about to wait.
--   $1 the process id of the blocked session
SELECT
    a.pid,
    CASE WHEN current_setting('synchronous_standby_names') = '' THEN pg_terminate_backend(a.pid) END AS asked
FROM pg_stat_activity AS a
WHERE a.pid = ANY (pg_blocking_pids($1))
  AND a.datname = current_database()
  AND a.application_name LIKE 'payswitch%'
  AND a.wait_event IS DISTINCT FROM 'SyncRep'
  AND (pg_has_role(a.usesysid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE'));
