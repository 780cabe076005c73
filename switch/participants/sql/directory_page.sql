-- directory_page: entries of directories in the order of rail and id.
--   $1 rail, or empty for all  $2 after this rail and id  $3 not ended on this day, or NULL for all
--   $4 part of a name, or beginning of a code or a BIC  $5 at most
SELECT trim(i.rail) AS rail, i.id, i.name, i.bic, i.codes, i.gateway, i.payment_minor, i.day_minor, i.since, i.until
  FROM switch.indirect_participant AS i
 WHERE ($1 = '' OR i.rail = $1::char(2)) AND i.rail || '/' || i.id > $2
   AND ($3::date IS NULL OR i.until IS NULL OR i.until > $3)
   AND ($4 = '' OR position(upper($4) IN upper(i.name)) > 0 OR position(upper($4) IN i.bic) = 1
        OR EXISTS (SELECT FROM unnest(i.codes) AS c (code) WHERE position(upper($4) IN c.code) = 1))
 ORDER BY i.rail || '/' || i.id LIMIT $5
