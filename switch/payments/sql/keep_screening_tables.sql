-- keep_screening_tables: keep the tables of an index of a set of lists, in place of damaged ones, and forget those of sets
-- that are over.
--   $1 set  $2 what they are made with  $3 the tables, in zlib format  $4 the sets that are needed
WITH forgotten AS (
    DELETE FROM switch.screening_tables WHERE number <> ALL($4::bigint[])
)
INSERT INTO switch.screening_tables (number, made_with, tables) VALUES ($1, $2, $3)
ON CONFLICT (number, made_with) DO UPDATE SET tables = excluded.tables
