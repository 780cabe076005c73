-- A corridor settles deferred net, in its currencies' windows, or gross, payment by payment.
ALTER TABLE switch.corridor ADD COLUMN settlement text NOT NULL DEFAULT 'net' CHECK (settlement IN ('net', 'gross'));
