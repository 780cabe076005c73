-- recalled_by: the sender of the newest cancellation request for a payment.
--   $1 UETR  $2 receiver
SELECT sender FROM switch.correspondence
WHERE uetr = $1 AND receiver = $2 AND definition LIKE 'camt.056.%' ORDER BY seq DESC LIMIT 1
