-- restores_of_window: how many restores took back the close of this window: its former ids may have been used.
--   $1 window
SELECT count(*)
  FROM ledger.settlement_window AS w JOIN ledger.restore AS r ON r.kept >= w.number AND r.kept < w.closing_seq
 WHERE w.number = $1
