-- screening_lists: files of sanctions lists, newest first, and whether each is in force, will be, or was.
--   $1 numbers; NULL: all  $2 limit  $3 numbers below; NULL: all
SELECT l.number, l.publisher, l.published, l.source, encode(l.sha256, 'hex') AS sha256, l.octets, l.entries, l.names,
       l.added_by, l.added_at,
       l.number = ANY(coalesce((
           SELECT s.lists FROM switch.screening_set AS s WHERE s.in_force_from <= clock_timestamp()
           ORDER BY s.in_force_from DESC, s.number DESC LIMIT 1), '{}')) AS in_force
FROM switch.screening_list AS l
WHERE ($1::bigint[] IS NULL OR l.number = ANY($1)) AND l.number < coalesce($3::bigint, 9223372036854775807)
ORDER BY l.number DESC LIMIT $2::bigint
