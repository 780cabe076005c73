-- session: a session with its person, its ages in seconds, and whether the person has unread notices.
--   $1 hash of the token
SELECT s.family, s.person, s.replaced_at IS NOT NULL AS replaced,
       extract(epoch FROM clock_timestamp() - s.began_at)::float8 AS age,
       extract(epoch FROM clock_timestamp() - s.seen_at)::float8 AS idle,
       extract(epoch FROM clock_timestamp() - s.made_at)::float8 AS made,
       extract(epoch FROM clock_timestamp() - s.replaced_at)::float8 AS since_replaced,
       p.name, p.display_name, p.role, p.scope, p.status,
       EXISTS (SELECT FROM switch.person_notice AS n WHERE n.person = s.person AND n.read_at IS NULL) AS noticed
FROM switch.session AS s JOIN switch.person AS p ON p.name = s.person
WHERE s.sha256 = $1
