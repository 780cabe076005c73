-- directory_difference: what a file would change in the directory of its rail: a row for each bank that is added, changed
-- or ended, with what is and what would be.
--   $1 number of the file  $2 today, by the rail's clock
WITH named AS (
    SELECT b.*
      FROM switch.directory_file AS f, jsonb_to_recordset(f.banks) AS b (
          id text, name text, bic text, codes text[], gateway text, payment_minor bigint, day_minor bigint, since date, until date
      )
     WHERE f.number = $1
), present AS (
    SELECT i.id, i.name, i.bic, i.codes, i.gateway, i.payment_minor, i.day_minor, i.since, i.until
      FROM switch.indirect_participant AS i
     WHERE i.rail = (SELECT f.rail FROM switch.directory_file AS f WHERE f.number = $1)
)
SELECT coalesce(n.id, p.id) AS id, to_jsonb(p) AS now, to_jsonb(n) AS then,
       CASE WHEN p.id IS NULL THEN 'added' WHEN n.id IS NULL THEN 'ended' ELSE 'changed' END AS what
  FROM named AS n FULL JOIN present AS p ON p.id = n.id
 WHERE CASE WHEN n.id IS NULL THEN p.until IS NULL OR p.until > $2 ELSE to_jsonb(p) IS DISTINCT FROM to_jsonb(n) END
 ORDER BY 4, 1
