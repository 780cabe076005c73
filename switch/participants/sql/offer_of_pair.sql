-- offer_of_pair: the newest offer of an FX provider for a pair.
--   $1 provider  $2 source  $3 target
SELECT tiers::text, valid_until, inventory_minor FROM switch.fx_offer WHERE provider = $1 AND source = $2 AND target = $3
