-- directory_conflicts: banks of a file that are, or have an id of, a participant; and gateways that cannot hold a position.
--   $1 number of the file  $2 the rail's currency
SELECT b.line, c.column_name, c.rule, c.remedy
  FROM switch.directory_file AS f,
       jsonb_to_recordset(f.banks) AS b (line integer, bic text, codes text[], gateway text),
       LATERAL (
           SELECT 'gateway' AS column_name,
                  CASE WHEN g.id IS NULL OR g.status = 'removed' THEN 'is no participant'
                       WHEN g.kind <> 'gateway' THEN 'is not a participant of the kind gateway'
                       WHEN g.country <> f.rail THEN 'is a gateway of another country'
                       ELSE 'has no account in ' || $2 END AS rule,
                  CASE WHEN g.id IS NULL OR g.status = 'removed' OR g.kind <> 'gateway' OR g.country <> f.rail
                       THEN 'onboard one first (participant.onboard), or state another'
                       ELSE 'open one first (account.open)' END AS remedy
             FROM (SELECT b.gateway AS id) AS named LEFT JOIN switch.participant AS g ON g.id = named.id
            WHERE g.id IS NULL OR g.status = 'removed' OR g.kind <> 'gateway' OR g.country <> f.rail
               OR NOT EXISTS (SELECT FROM ledger.account AS a
                               WHERE a.owner = g.id AND a.currency = $2 AND a.purpose = 'position')
            UNION ALL
           SELECT 'bic', 'is the BIC of the participant ' || p.id, 'leave this bank out: it is reached directly'
             FROM switch.participant AS p
            WHERE b.bic <> '' AND left(p.bic, 8) = left(b.bic, 8) AND p.status <> 'removed'
            UNION ALL
           SELECT 'codes', 'has an id of the participant ' || p.id, 'leave that id out: the participant is reached directly'
             FROM switch.participant AS p
            WHERE p.status <> 'removed' AND EXISTS (
                SELECT FROM unnest(b.codes) AS c (code), unnest(p.member_ids) AS m (id)
                 WHERE starts_with(c.code, m.id) OR (right(c.code, 1) = '*' AND starts_with(m.id, left(c.code, -1))))
       ) AS c
 WHERE f.number = $1
 ORDER BY b.line LIMIT 50
