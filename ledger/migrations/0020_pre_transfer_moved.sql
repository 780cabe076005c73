-- What is no two-phase payment, money in and out, settlements, corrections, is rare: a window's settlement takes it off
-- its nets, and must not look for it among a day's payments. A payment is not in this index and costs it nothing.
CREATE INDEX transfer_moved ON ledger.transfer (number) WHERE kind IN ('single_phase', 'correction');
