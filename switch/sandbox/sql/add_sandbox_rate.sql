-- add_sandbox_rate: insert an exchange rate of the FX provider of the sandbox, unless it exists.
--   $1 source  $2 target  $3 rate as text
INSERT INTO switch.fx_rate (source, target, provider, rate, valid_from)
VALUES ($1, $2, 'silkroad-fx', $3::text::numeric, '2026-01-01T00:00:00Z') ON CONFLICT DO NOTHING
