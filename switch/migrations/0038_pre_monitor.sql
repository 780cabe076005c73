-- How far the outside monitor has the payments of the log; without a row it was never told of any.
CREATE TABLE switch.monitor (
    one   boolean PRIMARY KEY DEFAULT true CHECK (one),
    begun bigint NOT NULL, -- payments after this event of the log are sent
    place bigint NOT NULL -- the last event that the monitor has
);
