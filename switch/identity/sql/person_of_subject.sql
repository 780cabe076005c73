-- person_of_subject: the person who is bound to a subject of an issuer, locked.
--   $1 issuer  $2 subject
SELECT p.name, p.role, p.scope, p.status FROM switch.person_subject AS s JOIN switch.person AS p ON p.name = s.person
WHERE s.issuer = $1 AND s.subject = $2 FOR UPDATE OF p
