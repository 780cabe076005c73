-- verify_counts: how many rows there are, and where the sequence stands.
SELECT (SELECT count(*) FROM ledger.transfer) AS transfers,
       (SELECT count(*) FROM ledger.leg) AS legs,
       (SELECT count(*) FROM ledger.resolution) AS resolutions,
       (SELECT count(*) FROM ledger.window_balance) AS window_balances,
       (SELECT next_seq FROM ledger.head) AS next_seq;
