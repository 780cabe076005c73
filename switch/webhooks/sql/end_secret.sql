-- end_secret: let the present secret of a webhook sign for a while only.
--   $1 webhook  $2 for how long
UPDATE switch.webhook_secret SET until = clock_timestamp() + $2 WHERE webhook = $1 AND until IS NULL
