-- Screening officers: a role of people, with a participant as scope or none; and who decides about held payments.
ALTER TABLE switch.person DROP CONSTRAINT person_role_check, DROP CONSTRAINT person_scope;
ALTER TABLE switch.person
    ADD CONSTRAINT person_role_check
        CHECK (role IN ('participant', 'operator', 'checker', 'regulator', 'auditor', 'officer')),
    ADD CONSTRAINT person_scope CHECK (role = 'officer' OR (role IN ('participant', 'regulator')) = (scope <> ''));

-- Who decides about payments of a participant that screening holds. Of one without a row that of `*` counts; without
-- that, operators and checkers decide.
CREATE TABLE switch.screening_officers (
    participant text PRIMARY KEY,
    decided_by  text NOT NULL CHECK (decided_by IN ('operators', 'officers', 'participant')), -- officers: the operator's
    change      bigint NOT NULL
);

-- A clearance by a participant's own officers counts for payments that this participant sends; empty: for all.
ALTER TABLE switch.screening_clearance ADD COLUMN participant text NOT NULL DEFAULT '';
