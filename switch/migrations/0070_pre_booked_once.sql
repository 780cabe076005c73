-- One movement at a settlement agent, by the agent's own reference, is booked once, whoever asks for it.
CREATE UNIQUE INDEX change_booked_once
    ON switch.change (kind, ((content::jsonb) ->> 'currency'), ((content::jsonb) ->> 'reference'))
 WHERE kind IN ('funds.in', 'funds.out') AND state IN ('requested', 'approved', 'executed');
