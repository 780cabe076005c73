-- stated_uetrs: what a sender stated for payments that have a UETR of their own.
--   $1 sender  $2 UETRs
SELECT uetr, stated FROM switch.own_uetr WHERE sender = $1 AND uetr = ANY($2)
