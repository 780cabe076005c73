-- What a rail cannot carry of a part that came back, as it is too little, goes with a later part of the same order.
ALTER TABLE switch.part_refund ADD COLUMN carried_minor bigint; -- what it leaves to the next part; NULL: not decided, or 0
