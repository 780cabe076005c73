-- own_offer_changes: offers that people of an FX provider requested, newest first.
--   $1 provider  $2 limit
SELECT number FROM switch.change
WHERE kind = 'fx.offer' AND content::jsonb ->> 'provider' = $1
ORDER BY number DESC LIMIT $2
