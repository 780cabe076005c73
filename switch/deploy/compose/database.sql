-- The database user of the switch: no superuser. It owns its database, and creates the role of the switch.
\set password `cat /run/secrets/database-password`
CREATE ROLE payswitch LOGIN CREATEROLE PASSWORD :'password';
ALTER DATABASE payswitch OWNER TO payswitch;
