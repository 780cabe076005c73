-- payment_file_states: how many lines of a file are in each state.
--   $1 file
SELECT state, count(*) FROM switch.payment_file_line WHERE file = $1 GROUP BY state
