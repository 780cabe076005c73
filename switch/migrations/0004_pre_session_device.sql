-- Where a session was begun, for the list of one's own sessions.
ALTER TABLE switch.session
    ADD COLUMN address text NOT NULL DEFAULT '', -- shortened: 192.0.2.0/24
    ADD COLUMN browser text NOT NULL DEFAULT ''; -- its name and system: Firefox, Linux
