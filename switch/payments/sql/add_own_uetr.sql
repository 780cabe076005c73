-- add_own_uetr: state the own UETR of a payment; a repetition changes nothing.
--   $1 own UETR  $2 sender  $3 UETR that its message states
INSERT INTO switch.own_uetr (uetr, sender, stated) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
