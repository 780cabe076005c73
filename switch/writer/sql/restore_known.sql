-- restore_known: what restores left to do: rails whose files are not read, and what the rails know of these UETRs.
--   $1 UETRs
SELECT (SELECT coalesce(jsonb_object_agg(rail, currency), '{}') FROM switch.restore_rail WHERE read_at IS NULL) AS unread,
       (SELECT coalesce(jsonb_agg(jsonb_build_array(uetr, rail, ref, done, code, minor)), '[]')
          FROM switch.restore_line WHERE uetr = ANY ($1::uuid[])) AS lines
