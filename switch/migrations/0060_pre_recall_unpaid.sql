-- A recall that was agreed and not paid in time is a case, which money or two people end.
ALTER TABLE switch.recall DROP CONSTRAINT recall_state_check;
ALTER TABLE switch.recall ADD CONSTRAINT recall_state_check CHECK (state IN (
    'asked',
    'agreed', -- the payee's bank gives the money back, which has not come yet
    'returned', -- in full or in part
    'rejected', -- by the payee's bank, or its customer
    'unanswered', -- nothing came until `until_at`
    'unpaid' -- it was agreed, no money came, and two people ended it
));
ALTER TABLE switch.recall ADD COLUMN change bigint; -- by which two people ended it
