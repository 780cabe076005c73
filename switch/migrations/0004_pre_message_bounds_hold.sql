-- Second: the rows that were there keep the promise. This reads the table, and holds up nobody.
ALTER TABLE switch.message VALIDATE CONSTRAINT message_bounds;
