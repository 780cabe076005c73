-- read_archives: what was detached from the log, oldest first.
SELECT first_seq, last_seq, at, last_at, state, note
  FROM ledger.archive
 ORDER BY last_seq;
