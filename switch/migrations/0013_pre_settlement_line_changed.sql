-- Settlements of a window are found by when their lines changed, and those that wait by their state.
CREATE INDEX settlement_line_changed ON switch.settlement_line (changed_at);
CREATE INDEX settlement_line_instructed ON switch.settlement_line (account) WHERE state = 'INSTRUCTED';
