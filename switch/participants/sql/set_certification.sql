-- set_certification: whether certificates are required, and which ones count.
--   $1 required  $2 oldest kit  $3 days  $4 change
INSERT INTO switch.certification (required, kit, days, change) VALUES ($1, $2, $3, $4)
ON CONFLICT (one) DO UPDATE
   SET required = excluded.required, kit = excluded.kit, days = excluded.days, change = excluded.change
