-- pulse: what changes whenever pages have something new to show: the log's next number, and the last probe.
SELECT (SELECT next_seq FROM ledger.head) AS seq, (SELECT max(at) FROM switch.probe) AS probed
