-- person_of_bearer: the active person of a sandbox key.
--   $1 hash of the key
SELECT p.name, p.display_name, p.role, p.scope, p.status
FROM switch.person_bearer_key AS b JOIN switch.person AS p ON p.name = b.person
WHERE b.sha256 = $1 AND p.status = 'active'
