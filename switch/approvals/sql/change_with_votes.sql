-- change_with_votes: a change, its maker, and its votes with the people who gave them.
--   $1 change
SELECT c.kind, c.content, c.state,
       json_build_object('name', m.name, 'role', m.role, 'scope', m.scope, 'status', m.status) AS maker,
       coalesce((
           SELECT json_agg(json_build_object(
                      'seat', v.seat, 'decision', v.decision,
                      'person', json_build_object('name', p.name, 'role', p.role, 'scope', p.scope, 'status', p.status)))
           FROM switch.change_vote AS v JOIN switch.person AS p ON p.name = v.person
           WHERE v.change = c.number
       ), '[]') AS votes
FROM switch.change AS c JOIN switch.person AS m ON m.name = c.maker
WHERE c.number = $1
