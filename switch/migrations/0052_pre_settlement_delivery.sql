-- A settlement agent may have a door that takes instructions; without one they go out as signed files.
ALTER TABLE switch.settlement_agent ADD COLUMN door text NOT NULL DEFAULT '';

-- Who was instructed: its word counts for this settlement, whoever the currency's agent is by then.
ALTER TABLE switch.settlement ADD COLUMN agent text REFERENCES switch.participant;

-- The bytes of an instruction: signed as a file, and handed over unchanged however often.
CREATE TABLE switch.settlement_instruction (
    settlement_window bigint PRIMARY KEY REFERENCES switch.settlement,
    body              bytea NOT NULL
);
REVOKE UPDATE, DELETE ON switch.settlement_instruction FROM payswitch_writer;

-- An instruction on its way through a door; switch/settlement/delivery.py has the states.
CREATE TABLE switch.settlement_delivery (
    settlement_window bigint PRIMARY KEY REFERENCES switch.settlement,
    door              text NOT NULL,
    state             text NOT NULL CHECK (state IN ('DUE', 'SENT', 'TAKEN')),
    enquiries         integer NOT NULL DEFAULT 0, -- since the last handing over
    due_at            timestamptz, -- NULL: waits for the agent's word, or for people
    detail            text NOT NULL DEFAULT '' -- what happened on the wire, for operators
);
CREATE INDEX settlement_delivery_due ON switch.settlement_delivery (due_at) WHERE due_at IS NOT NULL;
REVOKE DELETE ON switch.settlement_delivery FROM payswitch_writer;

-- What an agent said is evidence at once, and `taken_at` once all of it was acted upon: a crash between is finished.
ALTER TABLE switch.settlement_confirmation ADD COLUMN media_type text NOT NULL DEFAULT 'application/xml';
ALTER TABLE switch.settlement_confirmation ADD COLUMN taken_at timestamptz;
CREATE INDEX settlement_confirmation_waiting ON switch.settlement_confirmation (received_at) WHERE taken_at IS NULL;
GRANT UPDATE (taken_at) ON switch.settlement_confirmation TO payswitch_writer;
