-- screening_tables: the tables of an index of a set of lists, in zlib format; no row: nobody has made them yet.
--   $1 set  $2 what they must be made with
SELECT tables FROM switch.screening_tables WHERE number = $1 AND made_with = $2
