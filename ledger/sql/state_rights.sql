-- state_rights: note the release whose grants.sql is applied now; no row if a later one has set the rights.
--   $1 release, as in {0,1,0}
INSERT INTO migration.rights (release) VALUES ($1)
    ON CONFLICT (one) DO UPDATE SET release = excluded.release WHERE rights.release <= excluded.release
    RETURNING true;
