-- replica_lag: the age in seconds of the last transaction that this server has replayed; 0 on a primary.
SELECT CASE WHEN pg_is_in_recovery()
            THEN extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::double precision
            ELSE 0 END;
