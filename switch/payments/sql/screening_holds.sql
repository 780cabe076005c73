-- screening_holds: payments that screening holds, with everything that continues them.
--   $1 UETRs; NULL: those that people have decided about, that have expired, or that an older set of lists held
--   $2 limit  $3 set of lists in force  $4 numbers that were compared with it
SELECT h.*, clock_timestamp() >= h.expires_at AS expired
FROM switch.screening_hold AS h
WHERE h.ended_at IS NULL
  AND (h.uetr = ANY($1::uuid[])
       OR ($1::uuid[] IS NULL
           AND (h.decision IS NOT NULL OR h.expires_at <= clock_timestamp()
                OR (h.hit_count > 0 AND h.lists < $3::bigint AND h.number <> ALL($4::bigint[])))))
ORDER BY h.number LIMIT $2::bigint
