-- own_uetr_of: the own UETR of a payment.
--   $1 UETR that its message states  $2 possible senders
SELECT uetr FROM switch.own_uetr WHERE stated = $1 AND sender = ANY($2) LIMIT 1
