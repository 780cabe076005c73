-- Reconciliation: what the rails' end-of-cycle files say, and where that is not what we say.

-- A cycle of a rail that is over and whose file was read whole.
CREATE TABLE switch.rail_cycle (
    rail    char(2) NOT NULL,
    cycle   date NOT NULL, -- of the rail's clock
    lines   integer NOT NULL,
    read_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (rail, cycle)
);

CREATE TABLE switch.rail_cycle_line (
    rail  char(2) NOT NULL,
    cycle date NOT NULL,
    ref   text NOT NULL,
    uetr  uuid, -- where the rail's ids carry it
    done  boolean NOT NULL,
    code  text NOT NULL,
    minor bigint, -- of what is done
    PRIMARY KEY (rail, cycle, ref)
);

-- A difference between a rail's word and ours, for a person to resolve. The same difference is noted once.
CREATE TABLE switch.reconciliation_break (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rail        char(2) NOT NULL,
    cycle       date NOT NULL,
    ref         text NOT NULL,
    uetr        uuid,
    kind        text NOT NULL CHECK (kind IN (
        'credited_unknown_here', 'credited_but_aborted', 'refused_but_committed', 'another_amount', 'missing_at_rail'
    )),
    detail      text NOT NULL,
    found_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    owner       text,
    resolution  text,
    resolved_at timestamptz,
    UNIQUE (rail, ref, kind)
);
CREATE INDEX reconciliation_break_open ON switch.reconciliation_break (found_at) WHERE resolved_at IS NULL;
REVOKE DELETE ON switch.rail_cycle, switch.rail_cycle_line, switch.reconciliation_break FROM payswitch_writer;
