-- add_schedule: begin a schedule with the periods that end from now on, or one of a name that was removed.
--   $1 name  $2 report  $3 format  $4 language  $5 scope  $6 rhythm  $7 currency  $8 destination  $9 addressee
--   $10 further parameters, JSON
INSERT INTO switch.report_schedule
       (name, report, format, language, scope, rhythm, currency, destination, addressee, parameters)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (name) DO UPDATE
   SET report = $2, format = $3, language = $4, scope = $5, rhythm = $6, currency = $7, destination = $8,
       addressee = $9, parameters = $10, since = clock_timestamp(), fault = '', removed_at = NULL
