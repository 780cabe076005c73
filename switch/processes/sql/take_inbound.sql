-- take_inbound: an order is given to the intake, as this pacs.008; from now on it cannot be stopped.
--   $1 rail  $2 ref  $3 pacs.008  $4 its fingerprint
UPDATE switch.inbound_order SET state = 'taken', message = $3, fingerprint = $4
WHERE rail = $1 AND kind = 'order' AND ref = $2 AND state = 'received'
RETURNING true
