-- read_offers: the newest offer of each FX provider for each pair, and how much of it payments have taken.
SELECT number, provider, source::text, target::text, tiers::text, valid_until, inventory_minor, used_minor,
       improvements::text, published_at
FROM switch.fx_offer
