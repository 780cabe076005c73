-- verify_resolutions: how sets ended, as the table has it.
--   $1 numbers
SELECT number, seq, outcome
  FROM ledger.resolution
 WHERE number = ANY ($1::bigint[]);
