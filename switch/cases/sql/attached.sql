-- attached: number of files of a case, and their size.
--   $1 case
SELECT count(*) AS n, coalesce(sum(octets), 0)::bigint AS octets
FROM switch.case_attachment AS f JOIN switch.case_act AS a ON a.number = f.act WHERE a.file = $1
