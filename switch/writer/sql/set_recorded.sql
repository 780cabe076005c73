-- set_recorded: keep the number that a note has in the log, or when the writer refused it.
--   $1 number of the note  $2 its number in the log, or none
UPDATE switch.audit_note SET seq = $2, refused_at = CASE WHEN $2::bigint IS NULL THEN clock_timestamp() END
WHERE number = $1
