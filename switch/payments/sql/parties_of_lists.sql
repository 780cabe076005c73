-- parties_of_lists: the entries of sanctions lists, in zlib format, in the order of the lists.
--   $1 lists
SELECT publisher, parties FROM switch.screening_list WHERE number = ANY($1::bigint[]) ORDER BY number
