-- executes: whether the server is executing a statement of one of its sessions. If it waits for the client to
-- take the response, the response does not arrive.
--   $1 the process id of the session
SELECT EXISTS (
    SELECT FROM pg_stat_activity
    WHERE pid = $1
      AND state = 'active'
      AND wait_event IS DISTINCT FROM 'ClientWrite'
);
