-- count_investigations: how often a bank has asked about a payment.
--   $1 UETR in the books  $2 asker
SELECT count(*) FROM switch.investigation WHERE uetr = $1 AND asker = $2
