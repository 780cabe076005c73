-- keep_monitor_place: the outside monitor has the payments up to this event.
--   $1 event
UPDATE switch.monitor SET place = $1
