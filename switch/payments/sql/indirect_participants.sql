-- indirect_participants: the banks behind rails that have a BIC, or one of some codes.
--   $1 first eight characters of a BIC, or empty  $2 codes
SELECT trim(i.rail) AS rail, i.id, i.name, i.bic, i.codes, i.gateway, i.payment_minor, i.day_minor, i.since, i.until
  FROM switch.indirect_participant AS i
 WHERE ($1 <> '' AND left(i.bic, 8) = $1 AND i.bic <> '') OR i.codes && $2::text[]
