-- source_rails: of every registered rail, whether its orders are taken, by which gateway, since when, and who decided it.
-- `since`: the first decision of those that all said the same; NULL where nobody has decided.
WITH decided AS (
    SELECT number, maker, ended_at, (content::jsonb) ->> 'country' AS rail, ((content::jsonb) ->> 'open')::boolean AS open
      FROM switch.change WHERE kind = 'rail.inbound' AND state = 'executed'
)
SELECT r.country::text AS country, i.gateway, p.status = 'active' AS active, i.open, i.purpose, i.refunds_since,
       (SELECT min(d.ended_at) FROM decided AS d
         WHERE d.rail = r.country AND d.open = i.open
           AND NOT EXISTS (SELECT FROM decided AS e WHERE e.rail = d.rail AND e.open <> d.open AND e.ended_at > d.ended_at)) AS since,
       i.change, d.maker AS requested_by, d.ended_at AS decided_at,
       ARRAY(SELECT v.person FROM switch.change_vote AS v WHERE v.change = i.change AND v.decision = 'approve' ORDER BY v.at) AS approved_by
  FROM switch.rail AS r
  LEFT JOIN switch.rail_inbound AS i ON i.rail = r.country
  LEFT JOIN switch.participant AS p ON p.id = i.gateway
  LEFT JOIN decided AS d ON d.number = i.change
 ORDER BY r.country
