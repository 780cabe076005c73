-- What was carried into a window is looked for by that window: pages show unpaid lines until they are settled.
CREATE INDEX settlement_line_carried ON switch.settlement_line (carried_to, participant) WHERE carried_to IS NOT NULL;
