-- due_rails: the database clock, and of the given rails those with a payment that is due, as `due_payments` means it.
--   $1 rails
SELECT clock_timestamp() AS now,
       ARRAY(
         SELECT DISTINCT o.rail
         FROM switch.open_payment AS o
         LEFT JOIN switch.rail AS r ON r.country = o.rail
         WHERE o.rail = ANY($1::text[]) AND o.due_at <= clock_timestamp()
           AND (o.state <> 'RESERVED' OR o.expires_at <= clock_timestamp()
                OR r.open OR r.opens_at <= clock_timestamp())
       ) AS rails
