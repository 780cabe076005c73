-- notices_of_person: the last notices of a person, the newest first.
--   $1 person  $2 how many
SELECT text, at FROM switch.person_notice WHERE person = $1 ORDER BY number DESC LIMIT $2
