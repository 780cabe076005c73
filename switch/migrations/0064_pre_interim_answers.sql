-- Interim answers to investigations are counted: a bank that only says that it works on a question has no more time by it.
ALTER TABLE switch.investigation ADD COLUMN interim integer NOT NULL DEFAULT 0; -- answers PDNG since it was last asked
