-- reaches_banks: whether a participant is the gateway of banks that are reached, or will be.
--   $1 participant
SELECT true FROM switch.indirect_participant AS i
 WHERE i.gateway = $1 AND (i.until IS NULL OR i.until > (clock_timestamp() AT TIME ZONE 'UTC')::date) LIMIT 1
