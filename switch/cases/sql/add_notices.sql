-- add_notices: tell people of cases, each once for a reason and a channel; officers of those that they decide about.
--   $1 cases  $2 why  $3 roles of people  $4 names of people  $5 channels of roles  $6 recipients there
--   $7 seconds until they are sent  $8 whether officers are told
INSERT INTO switch.case_notice (file, why, opened_at, channel, recipient, due_at)
SELECT c.number, $2, c.opened_at, w.channel, w.recipient, clock_timestamp() + $7::float8 * interval '1 second'
FROM switch.case_file AS c CROSS JOIN LATERAL (
    SELECT split_part(wanted.choice, ':', 2) AS channel, p.name AS recipient
    FROM switch.person AS p JOIN switch.notice_profile AS n ON n.person = p.name
    CROSS JOIN unnest(n.choices) AS wanted (choice)
    WHERE p.status = 'active'
      AND (p.role = ANY($3::text[]) OR p.name = ANY($4::text[])
           OR ($8::boolean AND p.role = 'officer' AND p.scope = (SELECT CASE o.decided_by WHEN 'participant' THEN c.participant WHEN 'officers' THEN '' END
                               FROM switch.screening_officers AS o
                               WHERE c.kind IN ('screening', 'watch') AND o.participant IN (c.participant, '*')
                               ORDER BY o.participant = '*' LIMIT 1)))
      AND split_part(wanted.choice, ':', 1) = c.kind
    UNION ALL
    SELECT r.channel, r.recipient FROM unnest($5::text[], $6::text[]) AS r (channel, recipient)
) AS w
WHERE c.number = ANY($1::bigint[])
ON CONFLICT DO NOTHING
