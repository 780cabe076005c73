-- note_restore_rail_seen: a file of a day that a restore lost was read, perhaps one without an order.
--   $1 rail  $2 cycle
UPDATE switch.restore_rail
   SET seen_at = clock_timestamp()
 WHERE rail = $1 AND read_at IS NULL AND $2 BETWEEN since AND until
