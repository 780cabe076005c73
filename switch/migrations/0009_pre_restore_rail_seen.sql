-- Whether a rail gave any file of the days that a restore lost, also one without an order.
ALTER TABLE switch.restore_rail
    ADD COLUMN seen_at timestamptz; -- when a file of these days was last read, also of a day that had not ended
