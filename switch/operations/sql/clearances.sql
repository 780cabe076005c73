-- clearances: pairs that two people cleared, newest first.
--   $1 whether only those in force  $2 limit  $3 whose payments they concern; null: any
SELECT c.number, c.uetr, c.hit, c.entry, c.expires_on, c.ended_by, c.participant, g.reason, g.maker,
       c.ended_by IS NULL AND c.expires_on >= (clock_timestamp() AT TIME ZONE 'UTC')::date AS in_force
FROM switch.screening_clearance AS c JOIN switch.change AS g USING (number)
WHERE (NOT $1 OR (c.ended_by IS NULL AND c.expires_on >= (clock_timestamp() AT TIME ZONE 'UTC')::date))
  AND ($3::text IS NULL OR c.participant = $3)
ORDER BY c.number DESC LIMIT $2::bigint
