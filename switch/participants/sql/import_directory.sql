-- import_directory: make the directory of a rail what a file says; banks that it leaves out are ended.
--   $1 number of the file  $2 today, by the rail's clock  $3 number of the change
WITH file AS (SELECT f.rail, f.banks FROM switch.directory_file AS f WHERE f.number = $1),
named AS (
    SELECT f.rail, b.*
      FROM file AS f, jsonb_to_recordset(f.banks) AS b (
          id text, name text, bic text, codes text[], gateway text, payment_minor bigint, day_minor bigint, since date, until date
      )
), ended AS (
    UPDATE switch.indirect_participant AS i SET until = $2, change = $3
     WHERE i.rail = (SELECT f.rail FROM file AS f) AND (i.until IS NULL OR i.until > $2)
       AND NOT EXISTS (SELECT FROM named AS n WHERE n.id = i.id)
)
INSERT INTO switch.indirect_participant AS i
       (rail, id, name, bic, codes, gateway, payment_minor, day_minor, since, until, change)
SELECT n.rail, n.id, n.name, n.bic, n.codes, n.gateway, n.payment_minor, n.day_minor, n.since, n.until, $3 FROM named AS n
ON CONFLICT (rail, id) DO UPDATE SET
    name = excluded.name, bic = excluded.bic, codes = excluded.codes, gateway = excluded.gateway,
    payment_minor = excluded.payment_minor, day_minor = excluded.day_minor, since = excluded.since, until = excluded.until,
    change = excluded.change
 WHERE (i.name, i.bic, i.codes, i.gateway, i.payment_minor, i.day_minor, i.since, i.until)
       IS DISTINCT FROM (excluded.name, excluded.bic, excluded.codes, excluded.gateway, excluded.payment_minor,
                         excluded.day_minor, excluded.since, excluded.until)
