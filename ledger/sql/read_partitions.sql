-- read_partitions: the partitions of a table, in order, with their bounds, planner's row counts and sizes in bytes.
--   $1 table
WITH bound AS (
    SELECT c.oid, c.reltuples, pg_get_expr(c.relpartbound, c.oid) AS text
      FROM pg_inherits AS i
      JOIN pg_class AS c ON c.oid = i.inhrelid
     WHERE i.inhparent = $1::text::regclass
)
SELECT oid::regclass::text AS name,
       (regexp_match(text, 'FROM \(''(\d+)''\)'))[1]::bigint AS first_number,
       (regexp_match(text, 'TO \(''(\d+)''\)'))[1]::bigint - 1 AS last_number,
       greatest(reltuples, 0)::bigint AS rows,
       pg_total_relation_size(oid) AS bytes
  FROM bound
 ORDER BY first_number;
