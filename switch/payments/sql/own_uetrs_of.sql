-- own_uetrs_of: the own UETRs of payments whose messages state one UETR.
--   $1 UETR that they state  $2 possible senders, or none for all
SELECT sender, uetr FROM switch.own_uetr WHERE stated = $1 AND ($2::text[] IS NULL OR sender = ANY($2)) ORDER BY sender
