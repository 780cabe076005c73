-- views_of_person: the filters of a list that a person keeps, by name.
--   $1 person  $2 path of the list  $3 maximum rows
SELECT number, name, query FROM switch.saved_view WHERE person = $1 AND page = $2 ORDER BY name LIMIT $3
