-- add_payment_file_lines: lines of a file that was checked; those that a crash left are the same.
--   $1 file  $2 numbers  $3 UETRs  $4 reasons, empty for those that can be sent  $5 texts
INSERT INTO switch.payment_file_line (file, number, uetr, state, reason, detail)
SELECT $1, t.number, t.uetr, CASE WHEN t.reason = '' THEN 'waiting' ELSE 'rejected' END, t.reason, t.detail
FROM unnest($2::int[], $3::uuid[], $4::text[], $5::text[]) AS t (number, uetr, reason, detail)
ON CONFLICT (file, number) DO NOTHING
