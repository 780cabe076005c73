-- Reports that a person has delivered again: a row of its own, so that no receipt is lost. No release had the old constraint.
ALTER TABLE switch.report_delivery ADD COLUMN again_by text; -- who asked for it; null when the messenger has seen it
ALTER TABLE switch.report_delivery ADD COLUMN repeats bigint REFERENCES switch.report_delivery; -- the delivery that this one repeats
ALTER TABLE switch.report_delivery ADD COLUMN asked_by text NOT NULL DEFAULT ''; -- who had it repeated
CREATE UNIQUE INDEX report_delivery_once ON switch.report_delivery (schedule, period) WHERE repeats IS NULL;
ALTER TABLE switch.report_delivery DROP CONSTRAINT report_delivery_schedule_period_key;
CREATE INDEX report_delivery_again ON switch.report_delivery (number) WHERE again_by IS NOT NULL;
CREATE INDEX report_delivery_repeats ON switch.report_delivery (repeats) WHERE repeats IS NOT NULL;
