-- corridor_rules: what a corridor requires of messages at an instant.
--   $1 source  $2 target  $3 instant, or none for now
SELECT addresses, full_above_minor, currency::text, originator, beneficiary, purpose_list, purpose_codes,
       regulatory_list, regulatory_codes
FROM switch.corridor_rules
WHERE source = $1 AND target = $2 AND valid_from <= coalesce($3, clock_timestamp())
ORDER BY valid_from DESC, change DESC LIMIT 1
