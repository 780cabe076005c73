-- forget_file_parts: the content of files of payments that ended before an instant.
--   $1 instant  $2 how many parts
DELETE FROM switch.payment_file_part AS p
WHERE (p.file, p.part) IN (SELECT q.file, q.part FROM switch.payment_file AS f JOIN switch.payment_file_part AS q ON q.file = f.id
                           WHERE f.ended_at < $1 LIMIT $2)
