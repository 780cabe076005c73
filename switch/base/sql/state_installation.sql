-- state_installation: state whether this is a sandbox, once; a database with keys of a sandbox is one.
--   $1 whether it is started as a sandbox
INSERT INTO switch.installation (sandbox)
SELECT $1 OR EXISTS (SELECT FROM switch.bearer_key)
ON CONFLICT DO NOTHING
