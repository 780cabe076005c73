-- add_corridor_rules: what a corridor requires of messages from an instant on; once for each change.
--   $1 change  $2 source  $3 target  $4 start, or none for now  $5 addresses  $6 amount  $7 currency  $8 originator
--   $9 beneficiary  $10 list of purposes  $11 codes  $12 list of regulatory reporting  $13 codes
INSERT INTO switch.corridor_rules (
    change, source, target, valid_from, addresses, full_above_minor, currency, originator, beneficiary,
    purpose_list, purpose_codes, regulatory_list, regulatory_codes
)
VALUES ($1, $2, $3, coalesce($4, clock_timestamp()), $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT DO NOTHING
