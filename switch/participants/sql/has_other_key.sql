-- has_other_key: whether another key of a participant is in force at an instant.
--   $1 participant  $2 key id  $3 instant, or none for now
SELECT true FROM switch.participant_key
WHERE participant = $1 AND keyid <> $2
  AND valid_from <= greatest($3, clock_timestamp())
  AND coalesce(valid_until > greatest($3, clock_timestamp()), true)
LIMIT 1
