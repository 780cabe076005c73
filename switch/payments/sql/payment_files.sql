-- payment_files: files of a sender or of all, newest first, with how many of their lines are in each state.
--   $1 sender, or none for all  $2 id, or none for all  $3 digest, or none for all  $4 number before which they are  $5 how many
--   $6 states, or none for all
SELECT f.number, f.id, f.sender, f.whole, f.size, f.state, f.message_id, f.lines, f.total, f.reason, f.detail, f.received_at,
       f.ends_at, f.cancelled_at, f.ended_at, f.sealed_key IS NULL AS erased, f.keyid, f.sealed_key,
       (SELECT coalesce(json_object_agg(l.state, l.count), '{}')::text
          FROM (SELECT state, count(*) FROM switch.payment_file_line WHERE file = f.id GROUP BY state) AS l) AS counts
FROM switch.payment_file AS f
WHERE ($1::text IS NULL OR f.sender = $1) AND ($2::uuid IS NULL OR f.id = $2) AND ($3::bytea IS NULL OR f.digest = $3) AND f.number < $4
  AND ($6::text[] IS NULL OR f.state = ANY($6))
ORDER BY f.number DESC LIMIT $5
