-- A message of up to 8 kB stays in its row. It is sealed, so it cannot be compressed, and moved out of its row it takes
-- two to four more rows of another table and its index. Only new rows are written so.
ALTER TABLE switch.message ALTER COLUMN body SET STORAGE MAIN;
