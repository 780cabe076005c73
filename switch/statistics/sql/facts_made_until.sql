-- facts_made_until: the instant of the newest event that the facts have.
SELECT at FROM ledger.event WHERE seq = (SELECT seq FROM switch.fact_mark)
