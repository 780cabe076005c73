-- replica_covers: whether this server has every event of a period, and is not too far behind the primary.
--   $1 end of the period  $2 event up to which outcomes are read, or null  $3 largest lag in seconds
-- Time never goes back along the log: with an event at or after the end, all before it are there. The switch
-- writes every few seconds, so the time of the last transaction that was replayed shows the lag.
SELECT NOT pg_is_in_recovery()
       OR coalesce(newest.at >= $1
                   AND newest.seq >= coalesce($2, 0)
                   AND pg_last_xact_replay_timestamp() > clock_timestamp() - make_interval(secs => $3), false)
  FROM (SELECT max(seq) AS seq, max(at) AS at
          FROM (SELECT seq, at FROM ledger.event ORDER BY seq DESC LIMIT 1) AS last) AS newest;
