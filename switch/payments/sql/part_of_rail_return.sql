-- part_of_rail_return: what a rail gave back, as it was booked as a part.
--   $1 number of the payment  $2 the rail's id of the return
SELECT debit_minor AS part_minor, share_minor, rate AS part_rate FROM switch.part_return WHERE payment = $1 AND reference = $2
